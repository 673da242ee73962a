"""The guard: a tiny process that starts the control loop again when it dies.

    python -I -S guard.py GUARD_LOCK CONTROL_LOCK KEEP PROGRAM [ARGUMENT ...]

It imports nothing of Nexus, so it stays small and outlives a broken installation. It waits on the lock
that the control loop holds as long as it lives: whoever gets that lock knows that the loop is dead.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
SHORT_LIFE, LONGEST_PAUSE = 5.0, 10.0


def private(path: str, flags: int) -> int:
    """Opens a lock file that only its owner may open."""
    return os.open(path, flags, 0o600)


def adopt_orphans() -> None:
    """Makes services whose control loop died our children (Linux), so that their ends are collected."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGCHLD, collect)


def collect(*_: object) -> None:
    """Collects every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def wait_for_death(control_lock: str) -> None:
    """Returns when no control loop holds its lock."""
    with open(control_lock, "a", opener=private) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)


def start(program: list[str]) -> None:
    """Starts a control loop; returns when it holds its lock, or is dead."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    environment = {**os.environ, "NEXUS_GUARD_PIPE": str(writing)}
    os.posix_spawn(program[0], program, environment, setsid=True)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)


def main() -> None:
    """Keeps one control loop alive while the file KEEP exists."""
    guard_lock, control_lock, keep, *program = sys.argv[1:]
    own = open(guard_lock, "a", opener=private)  # noqa: SIM115 - held as long as this process lives
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    own.truncate(0)
    own.write(str(os.getpid()))
    own.flush()
    adopt_orphans()
    pause = 0.0
    while True:
        wait_for_death(control_lock)
        if not os.path.exists(keep):
            return
        began = time.monotonic()
        start(program)
        wait_for_death(control_lock)
        lived = time.monotonic() - began
        pause = 0.0 if lived > SHORT_LIFE else min(LONGEST_PAUSE, pause * 2 or 0.25)
        if pause and os.path.exists(keep):
            time.sleep(pause)


if __name__ == "__main__":
    main()
