"""Keeping log files small while their writers keep them open.

The head of the file is copied to `NAME.1` and then cut off by the file system itself (collapse range),
so a writer that appends never notices and no line is lost. Where the file system cannot cut, the head is
freed instead (punch hole: the disk space returns, the length stays); where it can do neither, the file is
truncated after the copy.

Who reads the log and must lose nothing finds its place again by what is noted on both files (`marks`). A
`NAME.1` that was not read to its end yet is not replaced before the log has twice its size. Where nothing can
be noted, nobody knows what was read: the log always grows to twice its size first, and what a reader has not
come to by then is lost to it, though `NAME.1` holds it.

On a full disk the `NAME.1` of before makes room; if that is not enough, a head that was read is freed without
a copy.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from nexus.runtimes.process import marks
from nexus.runtimes.process.marks import Cut, Head

log = logging.getLogger("nexus.runtimes")

BLOCK = 1 << 20  # cuts must lie on the file system's blocks; a mebibyte is a multiple of all of them
KEEP_SIZE_PUNCH_HOLE = 0x01 | 0x02
COLLAPSE_RANGE = 0x08
FULL = (errno.ENOSPC, errno.EDQUOT)
PATIENCE = 1.0  # seconds for a reader to let go of the log


def rotate(path: Path, limit: int) -> bool:
    """Moves the head of a log larger than `limit` bytes to `NAME.1`; True when something was moved.

    Raises:
        OSError: it cannot be moved; the log is as before.
    """
    if not path.exists():
        return False
    facts = path.stat()
    used = facts.st_blocks * 512
    end = facts.st_size // BLOCK * BLOCK
    if used <= limit or end == 0:
        return False
    with open(path, "r+b") as file:
        locked = marks.lock(file.fileno(), exclusive=True, patience=PATIENCE)
        cut = marks.cut(file.fileno())
        if used <= 2 * limit and (not locked or _unread(file.fileno(), cut)):
            return False
        _move(file, path.with_name(path.name + ".1"), cut, end)
    return True


def prune(folder: Path, files: int, limit: int) -> None:
    """Deletes the oldest of the files that a writer itself rotates: at most `files` of `limit` bytes together
    stay, and the newest always.
    """
    if not folder.is_dir():
        return
    there = list[tuple[float, int, Path]]()
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # its writer deletes files, too
            facts = path.stat()
            if stat.S_ISREG(facts.st_mode):
                there.append((facts.st_mtime, facts.st_size, path))
    total = 0
    for age, (_, size, path) in enumerate(sorted(there, reverse=True)):
        total += size
        if age and (age >= files or total > limit):
            path.unlink(missing_ok=True)


def _unread(file: int, cut: Cut) -> bool:
    """Whether somebody may read this log and has not come to the end of what was moved before."""
    if not marks.set_cut(file, cut):
        return True
    position = marks.read_until(file)
    return position is not None and position < cut.base + marks.data_start(file)


def _move(file: BinaryIO, old: Path, cut: Cut, end: int) -> None:
    start = marks.data_start(file.fileno())
    moved = Cut(cut.base, cut.lines + _leave(file.fileno(), old, start, end, cut))
    if _fallocate(file.fileno(), KEEP_SIZE_PUNCH_HOLE, 0, end):
        freed = Cut(cut.base, moved.lines, end)
        if marks.set_cut(file.fileno(), freed):
            done = _fallocate(file.fileno(), COLLAPSE_RANGE, 0, end)
            marks.set_cut(file.fileno(), Cut(cut.base + end, moved.lines) if done else moved)
        return
    file.seek(end)
    with open(old, "ab") as copy:
        shutil.copyfileobj(file, copy)
    size = file.tell()
    file.truncate(0)
    marks.set_cut(file.fileno(), Cut(cut.base + size, moved.lines))


def _leave(source: int, old: Path, start: int, end: int, cut: Cut) -> int:
    """Puts a piece of the log into `NAME.1`, if the disk has room for it; returns its lines.

    Raises:
        OSError: it cannot be copied, and nobody has read it.
    """
    try:
        return _copy(source, old, start, end, cut)
    except OSError as error:
        if error.errno not in FULL:
            raise
    old.unlink(missing_ok=True)  # it was to be replaced
    try:
        return _copy(source, old, start, end, cut)
    except OSError as error:
        if error.errno not in FULL or (marks.read_until(source) or 0) < cut.base + end:
            raise
        log.warning("%s is not kept: %s; telemetry has read it", old, error.strerror)
    return sum(piece.count(b"\n") for piece in _pieces(source, start, end))


def _copy(source: int, old: Path, start: int, end: int, cut: Cut) -> int:
    """Copies a piece of the log to `NAME.1`, which is never half a one; returns its lines."""
    draft = old.with_name(old.name + ".new")
    draft.unlink(missing_ok=True)
    lines = 0
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
            for piece in _pieces(source, start, end):
                copy.write(piece)
                lines += piece.count(b"\n")
            copy.flush()
            marks.set_head(copy.fileno(), Head(os.fstat(source).st_ino, cut.base + start, cut.lines))
        draft.replace(old)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return lines


def _pieces(source: int, start: int, end: int) -> Iterator[bytes]:
    for position in range(start, end, BLOCK):
        yield os.pread(source, min(BLOCK, end - position), position)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _fallocate(descriptor: int, mode: int, offset: int, length: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    call = _libc().fallocate64 if hasattr(_libc(), "fallocate64") else _libc().fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
    return bool(call(descriptor, mode, offset, length) == 0)
