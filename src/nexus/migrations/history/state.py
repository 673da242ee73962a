"""What one module's schema has behind it and before it. Plain values; nothing is read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from nexus.migrations.migration import Migration, Source

RowState = Literal["applied", "running", "failed", "rolled back"]


@dataclass(frozen=True)
class Row:
    """One row of `_prisma_migrations`."""

    id: str
    checksum: str
    name: str
    started_at: datetime
    finished_at: datetime | None = None
    rolled_back_at: datetime | None = None
    logs: str | None = None
    steps: int = 0

    @property
    def state(self) -> RowState:
        """What became of it; "running" also where whoever ran it died."""
        if self.rolled_back_at is not None:
            return "rolled back"
        if self.finished_at is not None:
            return "applied"
        return "failed" if self.logs else "running"


@dataclass(frozen=True)
class Problem:
    """Why a history cannot go on as it is. `code`: Prisma's, or "" for what Prisma is silent about.

    `kind`: edited, missing, out-of-order, failed, interrupted, baseline, ahead (no obstacle: a newer release
    applied what this folder does not have). `mend`: what to do. `diff`: recorded text against the file's.
    """

    kind: Literal["edited", "missing", "out-of-order", "failed", "interrupted", "baseline", "ahead"]
    migration: str
    sentence: str
    mend: str
    code: str = ""
    diff: str = ""

    @property
    def blocks(self) -> bool:
        """Whether nothing may be applied before it is mended."""
        return self.kind != "ahead"


@dataclass(frozen=True)
class History:
    """A module's folder beside its schema's record.

    `migrations`: all of the folder, in order; none for the format "command". `applied`: name → its row.
    `pending`: what is not applied, in order. `resumable`: names of those that Nexus itself was interrupted in
    and goes on with. `problems`: see `Problem`. `made`: whether the schema is there at all.
    """

    source: Source
    migrations: tuple[Migration, ...] = ()
    rows: tuple[Row, ...] = ()
    applied: Mapping[str, Row] = field(default_factory=dict)
    pending: tuple[Migration, ...] = ()
    resumable: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()
    made: bool = True

    @property
    def obstacles(self) -> tuple[Problem, ...]:
        """The problems that stand in the way."""
        return tuple(each for each in self.problems if each.blocks)
