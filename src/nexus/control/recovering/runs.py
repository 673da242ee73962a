"""What was done for recovery: each backup, check, pruning, restore and drill, with its end, size and time.

Kept in the control loop's SQLite file, which several processes may write. Times in seconds since the epoch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.plans.store import Store
from nexus.runtimes.process.identity import alive, birth

What = Literal["full", "incremental", "verify", "prune", "restore", "drill"]
SCENARIO = "drill:"  # before the name of a disaster that was drilled: no nightly drill
State = Literal["running", "done", "failed", "interrupted"]
KEPT = 1000
_TABLES = """
CREATE TABLE IF NOT EXISTS recovery_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, who TEXT NOT NULL, began REAL NOT NULL,
    due REAL, pid INTEGER NOT NULL, born TEXT NOT NULL, ended REAL, state TEXT NOT NULL,
    sentence TEXT NOT NULL DEFAULT '', backup TEXT NOT NULL DEFAULT '', bytes INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS recovery_runs_by_what ON recovery_runs (what, id);
"""
_COLUMNS = "id, what, who, began, due, ended, state, sentence, backup, bytes"


@dataclass(frozen=True)
class Run:
    """One run. `what`: a `What`, or `SCENARIO` with a name; `due`: when the schedule wanted it, None where an
    operator did; `backup`: which one it made, checked or restored; `bytes`: as stored; `sentence`: how it
    ended.
    """

    id: int
    what: str
    who: str
    began: float
    due: float | None
    ended: float | None
    state: State
    sentence: str
    backup: str
    bytes: int

    @property
    def seconds(self) -> float:
        """How long it took, as far as it has ended."""
        return 0.0 if self.ended is None else self.ended - self.began


class Runs:
    """The runs of one stack. `now` gives seconds since the epoch."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._store = Store(path, _TABLES)
        self._now = now

    def begin(self, what: str, who: str, due: float | None = None, backup: str = "") -> int:
        """Notes that a run of this process begins; only the latest are kept."""
        pid = os.getpid()
        run = self._store.insert(
            "INSERT INTO recovery_runs (what, who, began, due, pid, born, state, backup)"
            " VALUES (?, ?, ?, ?, ?, ?, 'running', ?)",
            (what, who, self._now(), due, pid, birth(pid) or "", backup),
        )
        self._store.execute("DELETE FROM recovery_runs WHERE id <= ?", (run - KEPT,))
        return run

    def end(
        self,
        run: int,
        state: State,
        sentence: str,
        backup: str = "",
        size: int = 0,
        what: What | None = None,
    ) -> None:
        """Notes how a run ended. `what`: what it turned out to be, where that is known only now."""
        self._store.execute(
            "UPDATE recovery_runs SET ended = ?, state = ?, sentence = ?, bytes = ?,"
            " what = coalesce(?, what), backup = coalesce(nullif(?, ''), backup) WHERE id = ?",
            (self._now(), state, sentence, size, what, backup, run),
        )

    def settle(self) -> int:
        """Tells runs whose process was killed as what they are; returns how many."""
        found = self._store.query("SELECT id, pid, born FROM recovery_runs WHERE state = 'running'")
        killed = [run for run, pid, born in found if not alive(pid, born)]
        for run in killed:
            self.end(run, "interrupted", "interrupted: its process was killed")
        return len(killed)

    def latest(
        self, *what: str, state: State | None = None, backup: str | None = None, count: int = 1
    ) -> tuple[Run, ...]:
        """The newest runs of some kinds, newest first; of one state or one backup where it is named."""
        clauses, arguments = [f"what IN ({','.join('?' * len(what))})"], [*map(str, what)]
        for column, value in (("state", state), ("backup", backup)):
            if value is not None:
                clauses.append(f"{column} = ?")
                arguments.append(value)
        rows = self._store.query(
            f"SELECT {_COLUMNS} FROM recovery_runs WHERE {' AND '.join(clauses)} ORDER BY id DESC LIMIT ?",
            (*arguments, count),
        )
        return tuple(Run(*row) for row in rows)

    def verdicts(self) -> tuple[Run, ...]:
        """The last verification of each backup that came to a verdict, oldest first."""
        rows = self._store.query(
            f"SELECT {_COLUMNS} FROM recovery_runs WHERE id IN (SELECT max(id) FROM recovery_runs"
            " WHERE what = 'verify' AND state IN ('done', 'failed') GROUP BY backup) ORDER BY id"
        )
        return tuple(Run(*row) for row in rows)

    def close(self) -> None:
        """Closes the file."""
        self._store.close()
