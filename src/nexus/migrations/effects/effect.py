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


UNKNOWN = Table("", "")
Work = Literal["", "scan", "rewrite", "index", "write"]

# Functions that PostgreSQL has and that give the same value within one statement (stable or immutable).
SETTLED = frozenset(
    {"now", "statement_timestamp", "transaction_timestamp", "current_setting", "lower", "upper"}
)


@dataclass(frozen=True)
class Effect:
    """What one statement does to one relation that was there before.

    `work`: what takes time in proportion to its size: a scan, a rewrite of the table, an index build, or rows
    written. `why`: in words. `destroys`: data is gone afterwards. `known`: False for code whose effect shows
    when it runs (a DO block, a function); that is told of the table `UNKNOWN`.
    """

    table: Table
    lock: LockLevel
    work: Work = ""
    why: str = ""
    destroys: bool = False
    known: bool = True


class ForeignKey(NamedTuple):
    """A foreign key: its own columns, the table that it refers to, and the columns there. `on_delete`: as
    pg_constraint's confdeltype (a: no action, r: restrict, c: cascade, n: set null, d: set default).
    """

    columns: tuple[str, ...]
    table: Table
    referred: tuple[str, ...]
    on_delete: str = "a"


@dataclass(frozen=True)
class TableFacts:
    """A relation of the living database: `rows` as last estimated, `bytes` with TOAST, `total` with indexes.

    `columns`: name → type as PostgreSQL writes it. `not_null`: columns that hold no null. `nonempty`: whether
    there is a row at all. `kind`: as in pg_class (r: a table, p: a partitioned one, m: a
    materialized view, v: a view). `collations`: of the columns that have another than their type's.
    """

    rows: int
    bytes: int
    total: int
    columns: Mapping[str, str] = field(default_factory=dict)
    not_null: frozenset[str] = frozenset()
    nonempty: bool = True
    kind: str = "r"
    collations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Living:
    """What of the living database is known; nothing where there is none to ask.

    `validated_checks`: table → the texts of its valid CHECK constraints. `indexes`: index → its table.
    `index_columns`: index → its columns. `foreign_keys`: table → constraint → the key. `children`: table →
    what inherits from it, or its partitions, all the way down. `views`: relation → the views over it, all the
    way up. `domains`: those that constrain their values. `settled`: names of functions that are not volatile.
    `defaults`: partitioned table → its DEFAULT partition. `sequences`: those that there are.
    """

    tables: Mapping[Table, TableFacts] = field(default_factory=dict)
    validated_checks: Mapping[Table, tuple[str, ...]] = field(default_factory=dict)
    version: int = 180000
    indexes: Mapping[Table, Table] = field(default_factory=dict)
    index_columns: Mapping[Table, tuple[str, ...]] = field(default_factory=dict)
    foreign_keys: Mapping[Table, Mapping[str, ForeignKey]] = field(default_factory=dict)
    children: Mapping[Table, tuple[Table, ...]] = field(default_factory=dict)
    views: Mapping[Table, tuple[Table, ...]] = field(default_factory=dict)
    domains: frozenset[Table] = frozenset()
    settled: frozenset[str] = SETTLED
    defaults: Mapping[Table, Table] = field(default_factory=dict)
    sequences: frozenset[Table] = frozenset()
