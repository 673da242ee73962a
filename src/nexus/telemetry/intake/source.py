"""What the intake needs of a place that logs come from, and one such place with its parser."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow as pa

from nexus.telemetry.parsing import Parser
from nexus.telemetry.targets import LogSource

log = logging.getLogger("nexus.telemetry")


class Lines(Protocol):
    """Lines with a place that can be gone back to. All calls come from one thread at a time."""

    def take(self, budget: int) -> list[bytes]:
        """The next lines, from about `budget` bytes."""

    def final(self) -> bool:
        """Whether no more lines need to be awaited for the last ones taken."""

    def advance(self, count: int) -> None:
        """The first `count` of the lines taken were used."""

    def position(self) -> str:
        """The checkpoint that belongs to what was used."""

    def lost(self) -> int:
        """Lines that went unread since the last question."""

    def progress(self) -> Mapping[int, int]:
        """What `kept` is to be told when what was used until now is kept."""

    def kept(self, progress: Mapping[int, int]) -> None:
        """All that was used until then is kept."""

    def behind(self) -> int:
        """Bytes that are still to be read, as far as it is known."""

    def close(self) -> None:
        """Lets go."""


class Source:
    """One log source: its lines and their parser. `behind_since` is when it was last read to its end."""

    def __init__(self, told: LogSource, lines: Lines) -> None:
        self.told = told
        self.lines = lines
        self.behind_since = time.time()
        self.rows = 0
        self._parser = Parser(told)

    def step(self, budget: int) -> tuple[pa.Table | None, int]:
        """The rows of the next lines, and how many bytes were used; 0 when there is nothing more for now."""
        lines = self.lines.take(budget)
        if sum(map(len, lines)) < budget // 2:
            self.behind_since = time.time()
        if not lines:
            return None, 0
        table, used = self._parsed(lines)
        if not used:
            return None, 0
        self.lines.advance(used)
        self.rows += table.num_rows if table else 0
        return table, sum(map(len, lines[:used])) + used

    def _parsed(self, lines: list[bytes]) -> tuple[pa.Table | None, int]:
        now = datetime.now(UTC)
        try:
            return self._parser.parse(lines, now, self.lines.final())
        except Exception:  # whatever a line may do to its parser, the line is kept
            log.exception("lines of %s are kept as they are", self.told.service)
            return self._parser.unparsed(lines, now), len(lines)

    def facts(self) -> dict[str, Any]:
        """How far it is behind."""
        behind = self.lines.behind()
        return {
            "service": self.told.service,
            "rows": self.rows,
            "behind_bytes": behind,
            "behind_seconds": round(time.time() - self.behind_since, 1) if behind else 0.0,
        }
