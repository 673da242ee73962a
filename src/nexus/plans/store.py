"""A small SQLite file that several processes share, and that can still be written when the disk is full.

So that an operator can always take the stack down and the control loop can go on, room is laid by while there
is plenty: the write-ahead log is grown once and then used over and over, and a reserve file beside it, which
means nothing, is given up when a process must open the file on a disk that is all but full.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RESERVE_BYTES = 4 << 20
ENOUGH_BYTES = 1 << 20
LOG_BYTES = 1 << 20
CHECKPOINT_PAGES = 64  # 256 KiB: the log begins anew long before it has used its room


class Store:
    """One connection in WAL mode; each statement commits at once; waits up to 5 s for other writers."""

    def __init__(self, path: Path, tables: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._reserve = path.with_name(f"{path.name}-reserve")
        self._make_room()
        self._connection = sqlite3.connect(path, timeout=5.0, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        self._connection.executescript(tables)
        self._grow_log(path.with_name(f"{path.name}-wal"))
        self._lay_by()

    def execute(self, statement: str, arguments: Sequence[Any] = ()) -> int:
        """Run one statement and return the number of rows it changed."""
        self._make_room()
        return self._connection.execute(statement, arguments).rowcount

    def insert(self, statement: str, arguments: Sequence[Any] = ()) -> int:
        """Insert one row and return its id."""
        self._make_room()
        return int(self._connection.execute(statement, arguments).lastrowid or 0)

    def query(self, statement: str, arguments: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        return self._connection.execute(statement, arguments).fetchall()

    def _make_room(self) -> None:
        """Give up the reserve when the disk is all but full."""
        if self._free() < ENOUGH_BYTES:
            self._reserve.unlink(missing_ok=True)

    def _free(self) -> int:
        """Bytes that the disk has left."""
        disk = os.statvfs(self._reserve.parent)
        return disk.f_bavail * disk.f_frsize

    def _grow_log(self, log: Path) -> None:
        """Make the log and the file large enough for what is written until there is room again."""
        if self._free() < 3 * LOG_BYTES or (log.exists() and log.stat().st_size >= LOG_BYTES):
            return
        with self.exclusive():
            self._connection.execute("CREATE TABLE IF NOT EXISTS room (bytes BLOB)")
            self._connection.execute("INSERT INTO room VALUES (zeroblob(?))", (LOG_BYTES,))
            self._connection.execute("DELETE FROM room")

    def _lay_by(self) -> None:
        """Make the reserve where it is missing and there is ample room for it."""
        if self._reserve.exists() or self._free() < 4 * RESERVE_BYTES:
            return
        try:
            self._reserve.write_bytes(bytes(RESERVE_BYTES))
        except OSError as error:
            self._reserve.unlink(missing_ok=True)
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the write lock of the file over several statements; roll back when the block raises."""
        self._make_room()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
