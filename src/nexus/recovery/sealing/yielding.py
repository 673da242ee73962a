"""Work that takes what users leave: less of the processors' time, or only what nobody else wants (sched(7)).

On Linux a process's niceness counts within its session alone where sessions share the processors between them
(autogroup); a session has a niceness of its own, which stands back with that of the process that leads it.

In the idle class a process may stand still for ever, so it is watched (`starved`), and enters it only where
it can also leave it again: without privileges that is refused.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from threading import Thread

LINUX = sys.platform.startswith("linux")
LEAST = 0.1  # of the time that it could use
LOWEST = 19
Spent = dict[int, tuple[float, float]]
_TRIES, _AGAIN = 20, 0.1  # without privileges, the system changes one session in so many seconds


def stand_back(pid: int, nice: int) -> None:
    """Gives a process, and its session where it leads one, this niceness (0: what it has); for one of another
    user as far as we may.
    """
    if not nice:
        return
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    _session_back(pid, nice)


def may_idle(nice: int) -> bool:
    """Whether processes of ours that have this niceness may enter the idle class: they can leave it again,
    and it can be seen how they fare there.
    """
    return LINUX and bool(spent((os.getpid(),))) and _can_leave(nice)


def idle() -> None:
    """We enter the idle class."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    _session_back(0, LOWEST)


def rise(pid: int, nice: int) -> None:
    """Takes a process out of the idle class, where it is there, and gives it more than it has. Without
    privileges only its session's niceness can become less.
    """
    with contextlib.suppress(OSError):  # it has ended
        os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
    stand_back(pid, nice)


@contextlib.contextmanager
def risen() -> Iterator[None]:
    """We are not in the idle class while the block runs: for what others may wait for."""
    yields = LINUX and os.sched_getscheduler(0) == os.SCHED_IDLE
    if yields:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    try:
        yield
    finally:
        if yields:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def starved(before: Spent, after: Spent, seconds: float) -> bool:
    """Whether processes that have work got less than a tenth of what they could use in between. One that
    sleeps, or waits for a disk or for others, lacks nothing. Pure.
    """
    both = before.keys() & after.keys()
    ran = sum(after[pid][0] - before[pid][0] for pid in both)
    waited = sum(after[pid][1] - before[pid][1] for pid in both)
    return waited > seconds / 2 and ran < LEAST * (ran + waited)


def spent(pids: Collection[int]) -> Spent:
    """Process → the seconds that it ran, and that it could have run but was not let (proc_pid_schedstat(5));
    without those that have ended, and empty where the system does not tell.
    """
    found: Spent = {}
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            told = Path(f"/proc/{pid}/schedstat").read_text().split()
            found[pid] = int(told[0]) / 1e9, int(told[1]) / 1e9
    return found


def _can_leave(nice: int) -> bool:
    """Whether the system lets us: a thread tries it, whose class is its own and ends with it."""
    found: list[bool] = []

    def attempt() -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, nice)
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            found.append(True)

    trying = Thread(target=attempt)
    trying.start()
    trying.join()
    return bool(found)


def _session_back(pid: int, nice: int) -> None:
    """A session's niceness, where it has one and the process leads it."""
    for _ in range(_TRIES):
        try:
            if os.getsid(pid) == (pid or os.getpid()):
                Path(f"/proc/{pid or 'self'}/autogroup").write_text(str(nice))
        except BlockingIOError:
            time.sleep(_AGAIN)
            continue
        except OSError:
            pass
        return
