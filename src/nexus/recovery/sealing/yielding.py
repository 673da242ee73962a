"""Work that stands back: less of the processors' time while others want them (sched(7)).

On Linux a process's niceness counts within its session alone where sessions share the processors between them
(autogroup); a session has a niceness of its own, which stands back with that of the process that leads it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection
from pathlib import Path

LEAST = 0.1  # of the time that it could use
Spent = dict[int, tuple[float, float]]
_TRIES, _AGAIN = 20, 0.1  # without privileges, the system changes one session in so many seconds


def stand_back(pid: int, nice: int) -> None:
    """Gives a process (0: us), and its session where it leads one, this niceness (0: what it has), as far as
    we may: without privileges only a session's can become less.
    """
    if not nice:
        return
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    for _ in range(_TRIES):
        try:
            if os.getsid(pid) == (pid or os.getpid()):
                Path(f"/proc/{pid or 'self'}/autogroup").write_text(str(nice))
        except BlockingIOError:
            time.sleep(_AGAIN)
            continue
        except OSError:  # it has ended, is another user's, or there are none
            pass
        return


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
