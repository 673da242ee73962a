"""The journal: what was begun, by whom, and how each step ended. Survives a crash of who writes it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.plans.plan import Plan, Step
from nexus.plans.store import Store

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, who TEXT NOT NULL, plan TEXT NOT NULL,
    started_at REAL NOT NULL, finished_at REAL, state TEXT, sentence TEXT);
CREATE TABLE IF NOT EXISTS steps (
    run INTEGER NOT NULL REFERENCES runs (id), number INTEGER NOT NULL, id TEXT NOT NULL,
    action TEXT NOT NULL, target TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL, ok INTEGER,
    error TEXT, PRIMARY KEY (run, id));
CREATE INDEX IF NOT EXISTS runs_unfinished ON runs (id) WHERE finished_at IS NULL;
"""
KEPT_RUNS = 200


@dataclass(frozen=True)
class StepRecord:
    """What the journal knows of a step. Times are seconds since the epoch; `ok` is None while it runs."""

    number: int
    id: str
    action: str
    target: str
    started_at: float
    ended_at: float | None
    ok: bool | None
    error: str | None


@dataclass(frozen=True)
class Run:
    """What the journal knows of one execution of a plan. `state` is None while it is unfinished."""

    id: int
    title: str
    who: str
    plan: dict[str, Any]
    started_at: float
    finished_at: float | None
    state: str | None
    sentence: str | None
    steps: tuple[StepRecord, ...]


class Journal:
    """An SQLite file (WAL). `now` gives seconds since the epoch."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._store = Store(path, _TABLES)
        self._now = now

    def begin(self, plan: Plan, who: str) -> int:
        """Record that a plan is begun and return the id of its run; only the latest runs are kept."""
        with self._store.exclusive():
            run = self._store.insert(
                "INSERT INTO runs (title, who, plan, started_at) VALUES (?, ?, ?, ?)",
                (plan.title, who, plan.json(), self._now()),
            )
            self._store.execute("DELETE FROM steps WHERE run <= ?", (run - KEPT_RUNS,))
            self._store.execute("DELETE FROM runs WHERE id <= ?", (run - KEPT_RUNS,))
        return run

    def step_started(self, run: int, step: Step, number: int = 0) -> None:
        """Record a step before it acts."""
        self._store.execute(
            "INSERT OR REPLACE INTO steps (run, number, id, action, target, started_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (run, number, step.id, step.action, step.target, self._now()),
        )

    def step_ended(self, run: int, step: Step, ok: bool, error: str | None = None) -> None:
        """Record how a step ended, after it acted."""
        self._store.execute(
            "UPDATE steps SET ended_at = ?, ok = ?, error = ? WHERE run = ? AND id = ?",
            (self._now(), int(ok), error, run, step.id),
        )

    def finish(self, run: int, state: str, sentence: str) -> None:
        """Record the outcome of a run."""
        self._store.execute(
            "UPDATE runs SET finished_at = ?, state = ?, sentence = ? WHERE id = ?",
            (self._now(), state, sentence, run),
        )

    def unfinished(self) -> tuple[Run, ...]:
        """Return the runs that were begun and never finished, oldest first."""
        return self._runs("WHERE finished_at IS NULL ORDER BY id", ())

    def history(self, n: int = 20) -> tuple[Run, ...]:
        """Return the latest `n` runs, newest first."""
        return self._runs("ORDER BY id DESC LIMIT ?", (n,))

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _runs(self, clause: str, arguments: Sequence[Any]) -> tuple[Run, ...]:
        rows = self._store.query(
            f"SELECT id, title, who, plan, started_at, finished_at, state, sentence FROM runs {clause}",
            arguments,
        )
        return tuple(
            Run(id, title, who, json.loads(plan), started, finished, state, sentence, self._steps(id))
            for id, title, who, plan, started, finished, state, sentence in rows
        )

    def _steps(self, run: int) -> tuple[StepRecord, ...]:
        rows = self._store.query(
            "SELECT number, id, action, target, started_at, ended_at, ok, error FROM steps WHERE run = ?"
            " ORDER BY number, started_at",
            (run,),
        )
        return tuple(
            StepRecord(number, id, action, target, started, ended, None if ok is None else bool(ok), error)
            for number, id, action, target, started, ended, ok, error in rows
        )
