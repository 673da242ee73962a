"""What a comparison found, and what is to be done with it. Plain values, kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

Kind = Literal["deleted", "changed", "added"]
Does = Literal["bring back", "put back", "take away", "keep", "conflict"]


@dataclass(frozen=True)
class Policy:
    """Which rows are written: those `deleted` since, `changed` since, `added` since. `until` (seconds since
    the epoch): what was written last after it is no damage; it is a conflict, and kept unless `take` is then.
    Not `changed` unless it is said: nobody can tell damage from what was rightly changed since.
    """

    deleted: bool = True
    changed: bool = False
    added: bool = False
    until: float | None = None
    take: Literal["now", "then"] = "now"

    def does(self, kind: Kind, at: float | None) -> Does:
        """What is done with a row that was written last at `at` (None where that is not known any more)."""
        later = self.until is not None and self.take == "now" and (at is None or at > self.until)
        if kind == "deleted":
            return "bring back" if self.deleted else "keep"
        if kind == "added":
            return "take away" if self.added and not later else "keep"
        if not self.changed:
            return "keep"
        return "conflict" if later else "put back"

    def words(self) -> str:
        """Which rows, in words."""
        told = [name for name in ("deleted", "changed", "added") if getattr(self, name)]
        text = ", ".join(told)
        if self.until is not None:
            text += f" until {datetime.fromtimestamp(self.until, UTC).isoformat(timespec='seconds')}"
        return f"{text}, conflicts too" if self.take == "then" else text


@dataclass(frozen=True)
class Row:
    """One difference. `then`, `now`: its values as text, of a changed row those that differ; `at`, `xid`:
    when and in which transaction the present row was written, where that can be known.
    """

    kind: Kind
    does: Does
    key: Mapping[str, str | None]
    then: Mapping[str, str | None] | None = None
    now: Mapping[str, str | None] | None = None
    at: float | None = None
    xid: str = ""

    def as_dict(self, table: str) -> dict[str, Any]:
        """As JSON tells it."""
        return {"table": table, **asdict(self)}


@dataclass(frozen=True)
class Writer:
    """A transaction that wrote rows which differ. `at`: when it was committed."""

    xid: str
    at: float | None
    rows: int


@dataclass(frozen=True)
class TableDifference:
    """One table. `file` names what was spooled; `columns`, `key`: in the order of the spooled values. Counts
    of rows: `then`, `now` there are; `deleted`, `changed`, `added` since; `conflicts` that are kept; `back`,
    `put` and `away` to be written. `differ`: in how many rows each column does. `samples`: the first of each
    kind. `sums`: of the spooled files, their CRC-32.
    """

    table: str
    file: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    then: int = 0
    now: int = 0
    deleted: int = 0
    changed: int = 0
    added: int = 0
    conflicts: int = 0
    back: int = 0
    put: int = 0
    away: int = 0
    differ: Mapping[str, int] = field(default_factory=dict)
    writers: tuple[Writer, ...] = ()
    samples: tuple[Row, ...] = ()
    sums: Mapping[str, int] = field(default_factory=dict)

    @property
    def written(self) -> int:
        """How many rows a merge writes."""
        return self.back + self.put + self.away


@dataclass(frozen=True)
class Difference:
    """All tables of one comparison. `reached`: which time is compared with, in words, and `at` in seconds
    since the epoch where it is known; `order`: the tables, each behind those that it refers to; `chosen`,
    `where`: what the operator named.
    """

    module: str
    schema: str
    reached: str
    at: float | None
    policy: Policy
    tables: tuple[TableDifference, ...]
    order: tuple[str, ...]
    notes: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    where: str = ""

    @property
    def written(self) -> int:
        """How many rows a merge writes."""
        return sum(each.written for each in self.tables)

    @property
    def conflicts(self) -> int:
        """How many rows are kept since somebody wrote them later."""
        return sum(each.conflicts for each in self.tables)

    def ordered(self) -> tuple[TableDifference, ...]:
        """The tables in which something is written, references first."""
        by_name = {each.table: each for each in self.tables}
        return tuple(by_name[name] for name in self.order if by_name[name].written)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of(cls, text: str) -> Difference:
        """What `text` wrote. Raises ValueError, KeyError or TypeError when it is something else."""
        told = json.loads(text)
        tables = tuple(_table(each) for each in told["tables"])
        lists = {name: tuple(told[name]) for name in ("order", "notes", "chosen")}
        return cls(**{**told, **lists, "policy": Policy(**told["policy"]), "tables": tables})


def _table(told: Mapping[str, Any]) -> TableDifference:
    known = {each.name: told[each.name] for each in fields(TableDifference)}
    lists = {name: tuple(told[name]) for name in ("key", "columns")}
    writers = tuple(Writer(**each) for each in told["writers"])
    samples = tuple(Row(**each) for each in told["samples"])
    return TableDifference(**{**known, **lists, "writers": writers, "samples": samples})
