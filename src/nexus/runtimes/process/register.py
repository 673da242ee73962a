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
CREATE TABLE IF NOT EXISTS predecessors (
    instance TEXT NOT NULL,
    service TEXT NOT NULL,
    release TEXT NOT NULL,
    port INTEGER NOT NULL,
    stop_signal INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    birth TEXT NOT NULL,
    since REAL NOT NULL,
    knows TEXT NOT NULL,
    PRIMARY KEY (pid, birth)
);
CREATE TABLE IF NOT EXISTS tasks (name TEXT PRIMARY KEY, pid INTEGER NOT NULL, birth TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (service TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
COLUMNS = "instance, service, release, port, stop_signal, pid, birth, since, knows"


class Register:
    """Instances and what they took over from, one-off tasks, users' numbers, remembered settings."""

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
        """Notes that an instance is about to be started: if we die now, it is looked for.

        A process that is noted under its name already is its predecessor from now on.
        """
        with self._db.exclusive():
            self._db.execute(
                f"INSERT OR REPLACE INTO predecessors ({COLUMNS})"
                f" SELECT {COLUMNS} FROM instances WHERE instance = ? AND pid IS NOT NULL",
                (launch.instance,),
            )
            self._db.execute(
                f"INSERT OR REPLACE INTO instances ({COLUMNS}) VALUES (?, ?, ?, ?, ?, NULL, NULL, ?, ?)",
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

    def reinstate(self, instance: str, pid: int) -> None:
        """A predecessor is the instance again."""
        with self._db.exclusive():
            self._db.execute(
                f"INSERT OR REPLACE INTO instances ({COLUMNS})"
                f" SELECT {COLUMNS} FROM predecessors WHERE instance = ? AND pid = ?",
                (instance, pid),
            )
            self._db.execute("DELETE FROM predecessors WHERE instance = ? AND pid = ?", (instance, pid))

    def hand_over(self, instance: str, running: Running) -> None:
        """A process that was noted as `instance` is noted as what `running` says from now on."""
        with self._db.exclusive():
            self._db.execute("DELETE FROM instances WHERE instance = ?", (instance,))
            self._db.execute(
                f"INSERT OR REPLACE INTO instances ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    running.instance,
                    running.service,
                    running.release,
                    running.port,
                    int(running.stop_signal),
                    running.pid,
                    running.birth,
                    running.since,
                    " ".join(sorted(running.knows)),
                ),
            )

    def started(self, instance: str, pid: int, birth: str) -> None:
        self._db.execute("UPDATE instances SET pid = ?, birth = ? WHERE instance = ?", (pid, birth, instance))

    def forget(self, instance: str, pid: int | None = None) -> None:
        """Removes an instance; with `pid` only that process, be it noted as a predecessor."""
        if pid is None:
            self._db.execute("DELETE FROM instances WHERE instance = ?", (instance,))
        else:
            for table in ("instances", "predecessors"):
                self._db.execute(f"DELETE FROM {table} WHERE instance = ? AND pid = ?", (instance, pid))

    def known(self) -> list[Running]:
        """All noted instances; pid 0 where the start was not completed."""
        return self._read("instances")

    def predecessors(self) -> list[Running]:
        """What instances took over from and was not yet seen to end, oldest first."""
        return self._read("predecessors")

    def task(self, name: str) -> tuple[int, str] | None:
        """Pid and birth of a task that was begun; pid 0 where the start was not completed."""
        rows = self._db.query("SELECT pid, birth FROM tasks WHERE name = ?", (name,))
        return (int(rows[0][0]), str(rows[0][1])) if rows else None

    def note_task(self, name: str, pid: int = 0, birth: str = "") -> None:
        """A task is about to begin, or has begun as this process."""
        self._db.execute("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?)", (name, pid, birth))

    def forget_task(self, name: str) -> None:
        """A task's end is known."""
        self._db.execute("DELETE FROM tasks WHERE name = ?", (name,))

    def _read(self, table: str) -> list[Running]:
        rows = self._db.query(
            "SELECT service, instance, release, port, coalesce(pid, 0), coalesce(birth, ''), since,"
            f" stop_signal, knows FROM {table} ORDER BY instance, since"
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
