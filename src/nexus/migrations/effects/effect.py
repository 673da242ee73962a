"""The effect of one statement on one relation. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, NamedTuple


class LockLevel(IntEnum):
    """PostgreSQL's table locks, weakest first (PostgreSQL manual, 13.3.1)."""

    NONE = 0
    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def title(self) -> str:
        """As PostgreSQL writes it: `ACCESS EXCLUSIVE`."""
        return self.name.replace("_", " ").replace("NONE", "no lock")

    @property
    def blocks(self) -> str:
        """Whom it stops, in words."""
        if self >= LockLevel.ACCESS_EXCLUSIVE:
            return "reads and writes"
        if self >= LockLevel.SHARE:
            return "writes"
        return "schema changes" if self >= LockLevel.SHARE_UPDATE_EXCLUSIVE else "nobody"


class Table(NamedTuple):
    """A relation by its schema and name."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


Work = Literal["", "scan", "rewrite", "index", "write"]


@dataclass(frozen=True)
class Effect:
    """What one statement does to one relation that was there before.

    `work`: what takes time in proportion to its size: a scan, a rewrite of the table, an index build, or rows
    written. `why`: in words. `destroys`: data is gone afterwards.
    """

    table: Table
    lock: LockLevel
    work: Work = ""
    why: str = ""
    destroys: bool = False


@dataclass(frozen=True)
class TableFacts:
    """A relation of the living database: `rows` as last estimated, `bytes` with TOAST, `total` with indexes.

    `columns`: name → type as PostgreSQL writes it. `not_null`: columns that hold no null. `nonempty`: whether
    there is a row at all.
    """

    rows: int
    bytes: int
    total: int
    columns: Mapping[str, str] = field(default_factory=dict)
    not_null: frozenset[str] = frozenset()
    nonempty: bool = True


@dataclass(frozen=True)
class Living:
    """What of the living database is known; nothing where there is none to ask.

    `validated_checks`: table → the texts of its valid CHECK constraints.
    """

    tables: Mapping[Table, TableFacts] = field(default_factory=dict)
    validated_checks: Mapping[Table, tuple[str, ...]] = field(default_factory=dict)
    version: int = 180000
