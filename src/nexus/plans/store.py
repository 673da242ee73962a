"""A small SQLite file that several processes share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Store:
    """One connection in WAL mode; each statement commits at once; waits up to 5 s for other writers."""

    def __init__(self, path: Path, tables: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=5.0, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(tables)

    def execute(self, statement: str, arguments: Sequence[Any] = ()) -> int:
        """Run one statement and return the number of rows it changed."""
        return self._connection.execute(statement, arguments).rowcount

    def insert(self, statement: str, arguments: Sequence[Any] = ()) -> int:
        """Insert one row and return its id."""
        return int(self._connection.execute(statement, arguments).lastrowid or 0)

    def query(self, statement: str, arguments: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        return self._connection.execute(statement, arguments).fetchall()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the write lock of the file over several statements; roll back when the block raises."""
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
