"""Objectives over facts: each minute is asked of the database once, when its events are decided."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nexus.business.asking import Database, RefusedError, SlowError
from nexus.business.tally import Counts, Key
from nexus.business.windows import WINDOWS, Events
from nexus.stack import Objective

SETTLED = 5.0  # seconds after which what happened in a minute can be seen by others
SPAN = 1_440  # minutes asked at once, after a break or at the very beginning
REST = 300.0  # seconds until a question that failed is asked again


@dataclass
class Promise:
    """An objective of a process whose events are facts, counted up to the minute `asked`."""

    process: str
    objective: Objective
    asked: int
    span: int = SPAN
    error: str = ""
    rests_until: float = 0.0

    @classmethod
    def begun(cls, process: str, objective: Objective, checkpoint: str | None) -> Promise:
        """Goes on where a checkpoint says, or begins with the longest window.

        A checkpoint of a clock that was ahead is no reason to wait until ours is there.
        """
        latest = int(time.time() // 60)
        asked = int(checkpoint) if checkpoint else 0
        return cls(process, objective, min(max(asked, latest - WINDOWS["28d"]), latest))

    @property
    def checkpoint(self) -> str:
        """The key of its checkpoint."""
        return f"objective {self.process}/{self.objective.name}"

    def due(self, now: float) -> bool:
        """Whether there is a whole minute that was not asked yet."""
        return now >= self.rests_until and self._until(now) > self.asked

    async def ask(self, database: Database, now: float) -> tuple[Counts, int]:
        """The events of the next minutes, and the minute up to which they then are counted.

        Raises AwayError, and RefusedError after which it rests a while, over a shorter span when it was slow.
        """
        until = min(self._until(now), self.asked + self.span)
        moments = (datetime.fromtimestamp(minute * 60, UTC) for minute in (self.asked, until))
        try:
            answer = await database.ask(self.objective.sql, *moments, limit=until - self.asked + 1)
            counts = self._read(answer.rows, until)
        except RefusedError as refused:
            self.error = str(refused)
            self.rests_until = now if isinstance(refused, SlowError) and self.span > 1 else now + REST
            if isinstance(refused, SlowError):
                self.span = max(1, self.span // 2)
            raise
        self.error = ""
        return counts, until

    def _until(self, now: float) -> int:
        return int((now - SETTLED) // 60)

    def _read(self, rows: Sequence[dict[str, Any]], until: int) -> Counts:
        counts: dict[tuple[Key, int], Events] = {}
        key = Key(self.process, self.objective.name, "")
        for row in rows:
            try:
                minute = int(row["minute"].timestamp() // 60)
                events = Events(int(row["good"]), int(row["total"]))
            except (KeyError, AttributeError, TypeError, ValueError) as error:
                raise RefusedError(f"returns {row} where minute, good and total are needed") from error
            if not self.asked <= minute < until or not 0 <= events.good <= events.total:
                raise RefusedError(f"returns {row}: outside of what was asked, or more good than total")
            if (key, minute) in counts:
                raise RefusedError(f"returns the minute {row['minute']} twice; group by it")
            counts[key, minute] = events
        return counts
