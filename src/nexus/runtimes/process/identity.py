"""Which process is which: a pid is reused, a pid with its birth is not."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path

START_TIME_FIELD = 19  # of /proc/PID/stat, counted after the command's name
STATE_FIELD = 0


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]


def birth(pid: int) -> str | None:
    """When a living process was born, as a text that no other process shares; None when it is dead.

    A process that has ended but was not yet waited for counts as dead.
    """
    if not sys.platform.startswith("linux"):
        return _birth_by_psutil(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(b")")[2].split()
    if fields[STATE_FIELD] in (b"Z", b"X"):
        return None
    return f"{_boot()}:{fields[START_TIME_FIELD].decode()}"


def _birth_by_psutil(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.create_time():.3f}"
    except psutil.NoSuchProcess:
        return None


def alive(pid: int, born: str) -> bool:
    """Whether that very process still runs."""
    return birth(pid) == born


def find_marked(mark: str, but: Collection[int] = ()) -> dict[str, int]:
    """Processes of ours, found by the marks in their environment: {instance: pid}.

    `mark` is the value of NEXUS_MARK that a stack gives all its processes. Only group leaders count, and none
    of the processes in `but`.
    """
    import psutil

    found: dict[str, int] = {}
    for process in psutil.process_iter():
        try:
            if process.pid in but or process.pid != os.getpgid(process.pid):
                continue
            env = process.environ()
        except (psutil.Error, OSError):
            continue
        if env.get("NEXUS_MARK") == mark and "NEXUS_INSTANCE" in env:
            found[env["NEXUS_INSTANCE"]] = process.pid
    return found
