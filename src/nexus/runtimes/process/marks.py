"""What is noted on a log file itself, so that its rotation and its reader agree about where they are.

Positions count from the first byte that the file ever had: they stay true when its head is cut off. The
notes are extended attributes of the file: they come and go with it. Where the file system has none, nothing
is noted: a head is freed then, but never cut off, so positions stay true; what `NAME.1` holds is not known
(see `rotate`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass

_CUT, _HEAD, _READ = "user.nexus.cut", "user.nexus.head", "user.nexus.read"


@dataclass(frozen=True)
class Cut:
    """`base` is the position of the file's present first byte; `lines` how many lines were before the first
    byte that is still there; `freed` how many bytes are being cut off now, after they were freed.
    """

    base: int = 0
    lines: int = 0
    freed: int = 0


@dataclass(frozen=True)
class Head:
    """What `NAME.1` holds: a piece of the log `inode` from position `start` on, after `lines` lines."""

    inode: int
    start: int
    lines: int


def cut(descriptor: int) -> Cut:
    """What was cut off a log, also when a rotation was killed half-way. The caller holds the lock."""
    found = Cut(*_numbers(descriptor, _CUT))
    if not found.freed:
        return found
    # Freed, but perhaps not cut: then its head is a hole.
    base = found.base if data_start(descriptor) else found.base + found.freed
    return Cut(base, found.lines)


def set_cut(descriptor: int, value: Cut) -> bool:
    """Notes what was cut off; False where nothing can be noted."""
    return _note(descriptor, _CUT, value.base, value.lines, value.freed)


def head(descriptor: int) -> Head | None:
    """What a `NAME.1` holds, None when nobody knows."""
    numbers = _numbers(descriptor, _HEAD)
    return Head(*numbers) if len(numbers) == 3 else None


def set_head(descriptor: int, value: Head) -> bool:
    """Notes what a `NAME.1` holds."""
    return _note(descriptor, _HEAD, value.inode, value.start, value.lines)


def read_until(descriptor: int) -> int | None:
    """The position until which the log was read and kept; None when nobody reads it."""
    numbers = _numbers(descriptor, _READ)
    return numbers[0] if numbers else None


def set_read_until(descriptor: int, position: int) -> bool:
    """Notes how far the log was read and kept."""
    return _note(descriptor, _READ, position)


def data_start(descriptor: int, offset: int = 0) -> int:
    """The first byte from `offset` on that is no hole; the file's length when there is none."""
    if not hasattr(os, "SEEK_DATA"):
        return offset
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError:
        return os.fstat(descriptor).st_size


def lock(descriptor: int, exclusive: bool, patience: float = 0.0) -> bool:
    """Takes the log's lock, which ends with `unlock` or the descriptor; False after `patience` seconds."""
    give_up = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= give_up:
                return False
            time.sleep(0.02)


def unlock(descriptor: int) -> None:
    """Gives the lock back."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def _numbers(descriptor: int, name: str) -> tuple[int, ...]:
    if hasattr(os, "getxattr"):
        with contextlib.suppress(OSError, ValueError):
            return tuple(int(each) for each in os.getxattr(descriptor, name).split())
    return ()


def _note(descriptor: int, name: str, *numbers: int) -> bool:
    if not hasattr(os, "setxattr"):
        return False
    try:
        os.setxattr(descriptor, name, " ".join(map(str, numbers)).encode())
    except OSError:
        return False
    return True
