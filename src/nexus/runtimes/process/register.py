"""What was started, kept in SQLite so that a new control loop finds it again."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from nexus.plans.store import Store
from nexus.runtimes.home import HomeError
from nexus.runtimes.process.format import renew
from nexus.runtimes.protocol import Launch, Running

SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (
    instance TEXT PRIMARY KEY,
    service TEXT NOT NULL,
    release TEXT NOT NULL,
    port INTEGER NOT NULL,
    stop_signal INTEGER NOT NULL,
    pid INTEGER,
    birth TEXT,
    since REAL NOT NULL,
    knows TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS accounts (service TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Register:
    """Instances, their users' numbers and the stack's remembered settings."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = Store(path, SCHEMA)
            path.chmod(0o600)
            renew(self._db, path)
        except sqlite3.DatabaseError as error:
            raise HomeError(
                f"{path} cannot be used ({error}); make room on its disk, or move the file away"
            ) from error

    def close(self) -> None:
        self._db.close()

    def intend(self, launch: Launch) -> None:
        """Notes that an instance is about to be started: if we die now, it is looked for."""
        self._db.execute(
            "INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?, ?, NULL, NULL, ?, ?)",
            (
                launch.instance,
                launch.service,
                launch.release,
                launch.port,
                int(launch.stop_signal),
                time.time(),
                " ".join(sorted(launch.knows)),
            ),
        )

    def started(self, instance: str, pid: int, birth: str) -> None:
        self._db.execute("UPDATE instances SET pid = ?, birth = ? WHERE instance = ?", (pid, birth, instance))

    def forget(self, instance: str, pid: int | None = None) -> None:
        """Removes an instance; with `pid` only if that is still the process noted."""
        if pid is None:
            self._db.execute("DELETE FROM instances WHERE instance = ?", (instance,))
        else:
            self._db.execute("DELETE FROM instances WHERE instance = ? AND pid = ?", (instance, pid))

    def known(self) -> list[Running]:
        """All noted instances; pid 0 where the start was not completed."""
        rows = self._db.query(
            "SELECT service, instance, release, port, coalesce(pid, 0), coalesce(birth, ''), since,"
            " stop_signal, knows FROM instances ORDER BY instance"
        )
        return [
            Running(name, instance, release, port, pid, birth, since, stop_signal, frozenset(knows.split()))
            for name, instance, release, port, pid, birth, since, stop_signal, knows in rows
        ]

    def first_uid(self, proposed: int) -> int:
        """The first of the stack's users: what was proposed the first time, the same for ever."""
        self._db.execute("INSERT OR IGNORE INTO settings VALUES ('first_uid', ?)", (str(proposed),))
        return int(self.get("first_uid"))

    def account_number(self, service: str) -> int:
        """The service's number, the same for ever: the user it runs as follows from it."""
        self._db.execute(
            "INSERT OR IGNORE INTO accounts SELECT ?, coalesce(max(number), -1) + 1 FROM accounts",
            (service,),
        )
        row = self._db.query("SELECT number FROM accounts WHERE service = ?", (service,))[0]
        return int(row[0])

    def get(self, name: str, default: str = "") -> str:
        rows = self._db.query("SELECT value FROM settings WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else default

    def set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def unset(self, name: str) -> None:
        self._db.execute("DELETE FROM settings WHERE name = ?", (name,))
