"""Keeping log files small while their writers keep them open.

The head of the file is copied to `NAME.1` and then cut off by the file system itself (collapse range),
so a writer that appends never notices and no line is lost. Where the file system cannot cut, the head is
freed instead (punch hole: the disk space returns, the length stays); where it can do neither, the file is
truncated after the copy.

Who reads the log and must lose nothing finds its place again by what is noted on both files (`marks`). A
`NAME.1` that was not read to its end yet is not replaced before the log has twice its size.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import BinaryIO

from nexus.runtimes.process import marks
from nexus.runtimes.process.marks import Cut, Head

BLOCK = 1 << 20  # cuts must lie on the file system's blocks; a mebibyte is a multiple of all of them
KEEP_SIZE_PUNCH_HOLE = 0x01 | 0x02
COLLAPSE_RANGE = 0x08
PATIENCE = 1.0  # seconds for a reader to let go of the log


def rotate(path: Path, limit: int) -> bool:
    """Moves the head of a log larger than `limit` bytes to `NAME.1`; True when something was moved."""
    if not path.exists():
        return False
    facts = path.stat()
    used = facts.st_blocks * 512
    end = facts.st_size // BLOCK * BLOCK
    if used <= limit or end == 0:
        return False
    with open(path, "r+b") as log:
        locked = marks.lock(log.fileno(), exclusive=True, patience=PATIENCE)
        cut = marks.cut(log.fileno())
        if used <= 2 * limit and (not locked or _unread(log.fileno(), cut)):
            return False
        _move(log, path.with_name(path.name + ".1"), cut, end)
    return True


def prune(folder: Path, files: int, limit: int) -> None:
    """Deletes the oldest of the files that a writer itself rotates: at most `files` of `limit` bytes together
    stay, and the newest always.
    """
    if not folder.is_dir():
        return
    there = sorted(
        (path for path in folder.iterdir() if path.is_file()), key=lambda path: path.stat().st_mtime
    )
    total = 0
    for age, path in enumerate(reversed(there)):
        total += path.stat().st_size
        if age and (age >= files or total > limit):
            path.unlink(missing_ok=True)


def _unread(log: int, cut: Cut) -> bool:
    """Whether somebody reads this log and has not come to the end of what was moved before."""
    position = marks.read_until(log)
    return position is not None and position < cut.base + marks.data_start(log)


def _move(log: BinaryIO, old: Path, cut: Cut, end: int) -> None:
    start = marks.data_start(log.fileno())
    lines = _copy(log.fileno(), old, start, end, cut)
    moved = Cut(cut.base, cut.lines + lines)
    if _fallocate(log.fileno(), KEEP_SIZE_PUNCH_HOLE, 0, end):
        freed = Cut(cut.base, moved.lines, end)
        if marks.set_cut(log.fileno(), freed):
            done = _fallocate(log.fileno(), COLLAPSE_RANGE, 0, end)
            marks.set_cut(log.fileno(), Cut(cut.base + end, moved.lines) if done else moved)
        return
    log.seek(end)
    with open(old, "ab") as copy:
        shutil.copyfileobj(log, copy)
    size = log.tell()
    log.truncate(0)
    marks.set_cut(log.fileno(), Cut(cut.base + size, moved.lines))


def _copy(source: int, old: Path, start: int, end: int, cut: Cut) -> int:
    """Copies a piece of the log to `NAME.1`, which is never half a one; returns its lines."""
    draft = old.with_name(old.name + ".new")
    draft.unlink(missing_ok=True)
    lines, position = 0, start
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        while position < end:
            piece = os.pread(source, min(BLOCK, end - position), position)
            copy.write(piece)
            lines += piece.count(b"\n")
            position += len(piece)
        copy.flush()
        marks.set_head(copy.fileno(), Head(os.fstat(source).st_ino, cut.base + start, cut.lines))
    draft.replace(old)
    return lines


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _fallocate(descriptor: int, mode: int, offset: int, length: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    call = _libc().fallocate64 if hasattr(_libc(), "fallocate64") else _libc().fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
    return bool(call(descriptor, mode, offset, length) == 0)
