"""The audit trail of releases: who let in, took back, forced or overrode what, and with which reason.

Rows are only ever added: the database refuses to change or delete one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus.plans.store import Store

_TABLES = """
CREATE TABLE IF NOT EXISTS trail (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
    services TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS trail_is_not_changed BEFORE UPDATE ON trail
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER IF NOT EXISTS trail_is_not_deleted BEFORE DELETE ON trail
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
"""


@dataclass(frozen=True)
class Entry:
    """One act: `at` in seconds since the epoch, `reason` as its operator gave it."""

    id: int
    at: float
    who: str
    what: str
    services: tuple[str, ...]
    reason: str


class Trail:
    """The entries of one stack, in an SQLite file. `now` gives seconds since the epoch."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._store = Store(path, _TABLES)
        self._now = now

    def add(self, who: str, what: str, services: Sequence[str], reason: str = "") -> None:
        """Adds an entry."""
        self._store.execute(
            "INSERT INTO trail (at, who, what, services, reason) VALUES (?, ?, ?, ?, ?)",
            (self._now(), who, what, ",".join(services), reason),
        )

    def latest(self, count: int = 50, service: str | None = None) -> tuple[Entry, ...]:
        """The newest entries, newest first; those of one service where it is named."""
        clause = "WHERE instr(',' || services || ',', ',' || ? || ',')" if service else ""
        arguments = (service, count) if service else (count,)
        rows = self._store.query(
            f"SELECT id, at, who, what, services, reason FROM trail {clause} ORDER BY id DESC LIMIT ?",
            arguments,
        )
        return tuple(
            Entry(number, at, who, what, tuple(services.split(",")), reason)
            for number, at, who, what, services, reason in rows
        )

    def close(self) -> None:
        """Closes the file."""
        self._store.close()
