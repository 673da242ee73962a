"""Files copied so that they are whole or not there, and on the disk when it is said so. Raises OSError."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from nexus.recovery.places.pace import Pace

BLOCK = 1 << 20
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS (ioctl_iflags(2))
_IMMUTABLE, _APPEND = 0x10, 0x20


def identity(file: Path) -> str:
    """Of a file's content: enough to tell drafts of one key from each other, no more."""
    sum_ = 0
    with file.open("rb") as handle:
        while block := handle.read(BLOCK):
            sum_ = zlib.crc32(block, sum_)
        return f"{sum_:08x}-{handle.tell():x}"


def same(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        return _common(left, right) == one.stat().st_size


def copy(file: Path, draft: Path, pace: Pace, proves: bool) -> None:
    """Copies into a draft, durably; what is right in it already stays. It is never made shorter: whoever else
    writes it writes the same bytes. `proves`: reads it back from the disk.

    Raises:
        OSError: EIO where the disk gives back other bytes.
    """
    with file.open("rb") as source, open(_opened(draft), "r+b", buffering=0) as target:
        start = _common(source, target)
        source.seek(start)
        target.seek(start)
        while block := source.read(BLOCK):
            pace.hold(len(block))
            written = memoryview(block)
            while written:
                written = written[target.write(written) :]
        os.fsync(target.fileno())
        if not proves:
            return
        os.posix_fadvise(target.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if _common(source, target) != os.fstat(source.fileno()).st_size:
            raise OSError(errno.EIO, "what was written is not what is read", str(draft))


def publish(draft: Path, target: Path) -> None:
    """Gives a draft its name, durably, and never takes it from another file.

    Raises:
        FileExistsError: something is called so.
        FileNotFoundError: somebody else gave it its name, or its folder is gone.
    """
    try:
        os.link(draft, target)
        draft.unlink()
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():  # a file system without hard links: exFAT, SMB
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        draft.rename(target)
    sync_folder(target.parent)


def adopt(file: Path, target: Path) -> None:
    """Gives a file of the same disk a second name, durably, and never takes that from another file.

    Raises:
        FileExistsError: something is called so.
    """
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    os.link(file, target)
    sync_folder(target.parent)


def fetch(source: Path, file: Path) -> None:
    """Copies to a path that is not there; what was begun goes when it fails."""
    with source.open("rb") as taken, file.open("xb") as given:
        try:
            while block := taken.read(BLOCK):
                given.write(block)
            given.flush()
        except BaseException:
            file.unlink(missing_ok=True)
            raise


def write(file: Path, data: bytes) -> None:
    """Writes a new small file, durably."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


def write_once(file: Path, data: bytes) -> None:
    """Writes a small file, whole, unless it is there: the first writer's stays."""
    draft = file.with_name(f"{file.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
    write(draft, data)
    try:
        publish(draft, file)
    except FileExistsError:
        draft.unlink()


def make_folders(root: Path, folder: Path) -> None:
    """Makes a folder below `root`, which must be there, durably."""
    if folder == root or folder.is_dir():
        return
    make_folders(root, folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    sync_folder(folder.parent)


def drop_empty(root: Path, folder: Path) -> None:
    """Makes what was deleted in a folder durable, and removes it and those above it that are empty."""
    while folder != root and folder.is_dir():
        sync_folder(folder)
        try:
            folder.rmdir()
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return
            raise
        folder = folder.parent


def sync_folder(folder: Path) -> None:
    """Forces a folder's names to disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def immutable(path: Path) -> bool:
    """Whether a file's own flags forbid deleting it (chattr(1), +i or +a)."""
    with contextlib.suppress(OSError), path.open("rb") as handle:
        flags = fcntl.ioctl(handle, _GET_FLAGS, struct.pack("l", 0))
        return bool(struct.unpack("l", flags)[0] & (_IMMUTABLE | _APPEND))
    return False


def _opened(draft: Path) -> int:
    return os.open(draft, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _common(source: BinaryIO, target: BinaryIO) -> int:
    """How many bytes both begin with, in whole blocks."""
    source.seek(0)
    target.seek(0)
    length = 0
    while block := source.read(BLOCK):
        other = target.read(len(block))
        if other != block:
            return length
        length += len(block)
    return length
