"""Keeping log files small while their writers keep them open.

The head of the file is copied to `NAME.1` and then cut off by the file system itself (collapse range),
so a writer that appends never notices and no line is lost. Where the file system cannot cut, the head is
freed instead (punch hole: the disk space returns, the length stays); where it can do neither, the file is
truncated after the copy.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from functools import cache
from pathlib import Path

BLOCK = 1 << 20  # cuts must lie on the file system's blocks; a mebibyte is a multiple of all of them
KEEP_SIZE_PUNCH_HOLE = 0x01 | 0x02
COLLAPSE_RANGE = 0x08


def rotate(path: Path, limit: int) -> bool:
    """Moves the head of a log larger than `limit` bytes to `NAME.1`; True when something was moved."""
    if not path.exists():
        return False
    facts = path.stat()
    if facts.st_blocks * 512 <= limit:
        return False
    end = facts.st_size // BLOCK * BLOCK
    if end == 0:
        return False
    old = path.with_name(path.name + ".1")
    start = _data_start(path)
    with open(path, "r+b") as log:
        log.seek(start)
        with open(old, "wb") as copy:
            copy.truncate(0)
            os.chmod(copy.fileno(), 0o600)
            _copy(log.fileno(), copy.fileno(), start, end)
        if _fallocate(log.fileno(), COLLAPSE_RANGE, 0, end):
            return True
        if _fallocate(log.fileno(), KEEP_SIZE_PUNCH_HOLE, 0, end):
            return True
        log.seek(end)
        with open(old, "ab") as copy:
            shutil.copyfileobj(log, copy)
        log.truncate(0)
    return True


def _data_start(path: Path) -> int:
    if not hasattr(os, "SEEK_DATA"):
        return 0
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.lseek(descriptor, 0, os.SEEK_DATA)
    except OSError:
        return 0
    finally:
        os.close(descriptor)


def _copy(source: int, target: int, start: int, end: int) -> None:
    position = start
    while position < end:
        piece = os.pread(source, min(BLOCK, end - position), position)
        os.write(target, piece)
        position += len(piece)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _fallocate(descriptor: int, mode: int, offset: int, length: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    call = _libc().fallocate64 if hasattr(_libc(), "fallocate64") else _libc().fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
    return bool(call(descriptor, mode, offset, length) == 0)
