"""What the system says about a folder, in words that tell how to mend it."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nexus.recovery.errors import NoRoom, PlaceError

FULL = (errno.ENOSPC, errno.EDQUOT)
_MEND = {
    errno.EACCES: "let the account that runs Nexus write there",
    errno.EPERM: "let the account that runs Nexus write there",
    errno.EROFS: "it is mounted read-only; mount it for writing",
    errno.ENOENT: "it is not there; is it mounted?",
    errno.ENOTDIR: "a file stands where a folder should",
    errno.EIO: "its disk fails; look at the kernel's log (dmesg)",
    errno.ESTALE: "the machine that exports it forgot it; mount it again",
    errno.ENOTCONN: "the machine that exports it is gone; mount it again",
    errno.EHOSTDOWN: "the machine that exports it is down",
    errno.ETIMEDOUT: "the machine that exports it does not answer",
    errno.EFBIG: "its file system takes no files of that size",
}


@dataclass(frozen=True)
class Telling:
    """Of the place `name`, whose folder is `root`."""

    name: str
    root: Path

    @contextlib.contextmanager
    def of(self, key: str, size: int | None = None, at: Path | None = None) -> Iterator[None]:
        """Turns an OSError about `key` into one of ours. `size`: bytes that were to be written; `at`: the
        folder they go to, where it is another one.

        Raises:
            NoRoom: there is none for them.
            PlaceError: anything else.
        """
        try:
            yield
        except OSError as error:
            if error.errno in FULL:
                raise no_room(self.name, str(at or self.root), key, size, self._left(at)) from error
            mend = _MEND.get(error.errno or 0, "see that it is there and can be written")
            where = error.filename or self.root
            raise PlaceError(f"place {self.name}: {where}: {error.strerror or error}; {mend}") from error

    def room(self, at: Path | None = None) -> int:
        """Bytes that the account may still write. Raises OSError."""
        told = os.statvfs(at or (self.root if self.root.exists() else self.root.parent))
        return told.f_bavail * told.f_frsize

    def _left(self, at: Path | None) -> int | None:
        try:
            return self.room(at)
        except OSError:
            return None


def no_room(place: str, where: str, key: str, size: int | None, left: int | None) -> NoRoom:
    """That `where` is full: what was to be stored there, and what is free, as far as it is known."""
    takes = "" if size is None else f": {key} takes {size} bytes"
    free = "" if left is None else f", {left} bytes are free"
    return NoRoom(
        f"place {place}: {where} is full{takes}{free}; make room there, or keep fewer backups (recovery.keep)"
    )
