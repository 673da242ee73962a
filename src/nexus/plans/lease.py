"""The lease: one operator changes the stack at a time, and the second is told who holds it.

LeaseHeld              somebody else holds the lease
LeaseLost              the lease ran out and somebody else may hold it
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psutil

from nexus.plans.store import Store

_TABLES = """
CREATE TABLE IF NOT EXISTS lease (
    only INTEGER PRIMARY KEY CHECK (only = 1), who TEXT NOT NULL, pid INTEGER NOT NULL, born REAL NOT NULL,
    since REAL NOT NULL, expires REAL NOT NULL);
"""


class LeaseHeld(RuntimeError):
    """The lease is held by `who` (process `pid`) since `since`, in seconds since the epoch."""

    def __init__(self, who: str, since: float, pid: int) -> None:
        self.who, self.since, self.pid = who, since, pid
        at = datetime.fromtimestamp(since).astimezone().strftime("%H:%M:%S")
        super().__init__(f"{who} (process {pid}) is changing this stack since {at}; wait until it has ended")


class LeaseLost(RuntimeError):
    """The lease is no longer held by this process: it was not renewed in time."""


class Lease:
    """A lease kept in an SQLite file; it ends with release, by time, or with the process that holds it."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._store = Store(path, _TABLES)
        self._now = now
        self._pid = os.getpid()
        self._born = _birth(self._pid)

    def acquire(self, who: str, ttl: float = 30.0) -> None:
        """Take the lease for `ttl` seconds. Raises LeaseHeld when somebody else has it."""
        now = self._now()
        with self._store.exclusive():
            rows = self._store.query("SELECT who, pid, born, since, expires FROM lease")
            if rows:
                holder, pid, born, since, expires = rows[0]
                if expires > now and _lives(pid, born):
                    raise LeaseHeld(holder, since, pid)
            self._store.execute(
                "INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, ?, ?)",
                (who, self._pid, self._born, now, now + ttl),
            )

    def renew(self, ttl: float = 30.0) -> None:
        """Hold the lease for `ttl` more seconds from now. Raises LeaseLost when it is not ours any more."""
        changed = self._store.execute(
            "UPDATE lease SET expires = ? WHERE pid = ? AND born = ?",
            (self._now() + ttl, self._pid, self._born),
        )
        if not changed:
            raise LeaseLost("the lease was not renewed in time and somebody else took it")

    def release(self) -> None:
        """Give the lease back; does nothing when it is not ours."""
        self._store.execute("DELETE FROM lease WHERE pid = ? AND born = ?", (self._pid, self._born))

    def close(self) -> None:
        """Close the file; a held lease stays held."""
        self._store.close()


def _birth(pid: int) -> float:
    """When a process was born, in seconds after the machine started: setting the clock does not change it."""
    return psutil.Process(pid).create_time() - psutil.boot_time()


def _lives(pid: int, born: float) -> bool:
    try:
        return abs(_birth(pid) - born) < 0.005
    except psutil.NoSuchProcess:
        return False
