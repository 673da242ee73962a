"""The objects of a schema as plain values, told apart by kind and name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

Kind = Literal[
    "schema",
    "extension",
    "default privileges",
    "type",
    "sequence",
    "function",
    "table",
    "column",
    "default",
    "constraint",
    "index",
    "view",
    "materialized view",
    "rule",
    "trigger",
    "policy",
    "statistics",
    "object",
]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]


class Key(NamedTuple):
    """What tells objects apart. `table`: the relation it belongs to ("" = none).

    `name`: a function's with the types of its arguments; of the kind "default" the column's. "object": of
    it is only known that it is there; `name` is as PostgreSQL identifies it, as `collation sales.german`.
    """

    kind: Kind
    schema: str
    table: str
    name: str

    def __str__(self) -> str:
        """`column sales.orders.total`."""
        if self.kind == "object":
            return self.name
        parts = [each for each in (self.schema, self.table, self.name) if each]
        told = ".".join(dict.fromkeys(parts)) if self.kind == "schema" else ".".join(parts)
        return f"{self.kind} {told}" if self.kind != "default" else f"default of {told}"


class Grant(NamedTuple):
    """One right of one role. `option`: may pass it on."""

    role: str
    right: str
    option: bool = False


@dataclass(frozen=True)
class Thing:
    """One object.

    `facts`: what is compared beside owner, comment and grants. `create`: SQL that makes it; of a column what
    ADD COLUMN takes. `sql_name`: how SQL names it, qualified and quoted; `on`: the same of its relation.
    `needs`: what must be there before it. `within`: what takes it along when dropped. `at`: a column's place.
    `usual`: the grants that a new object has.
    """

    key: Key
    create: str
    sql_name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    on: str = ""
    owner: str = ""
    comment: str = ""
    grants: frozenset[Grant] = frozenset()
    usual: frozenset[Grant] = frozenset()
    needs: frozenset[Key] = frozenset()
    within: Key | None = None
    at: int = 0

    def same(self, other: Thing) -> bool:
        """Whether nothing tells them apart."""
        mine = (self.facts, self.owner, self.comment, self.grants)
        return mine == (other.facts, other.owner, other.comment, other.grants)


@dataclass(frozen=True)
class Shape:
    """All objects of some schemas."""

    things: Mapping[Key, Thing] = field(default_factory=dict)

    def of(self, schema: str) -> Shape:
        """What of it is in one schema."""
        return Shape({key: thing for key, thing in self.things.items() if key.schema == schema})

    def kind(self, kind: Kind, schema: str | None = None, table: str | None = None) -> Iterator[Thing]:
        """Its objects of one kind, by name; columns by their place."""
        groups = self._groups.get(kind, {})
        if schema is not None and table is not None:
            return iter(groups.get((schema, table), ()))
        return iter(
            [thing for (own, _), things in groups.items() if schema in (None, own) for thing in things]
        )

    @cached_property
    def _groups(self) -> dict[Kind, dict[tuple[str, str], list[Thing]]]:
        found: dict[Kind, dict[tuple[str, str], list[Thing]]] = {}
        for thing in sorted(self.things.values(), key=lambda each: (each.key[:3], each.at, each.key)):
            place = thing.key.schema, thing.key.table
            found.setdefault(thing.key.kind, {}).setdefault(place, []).append(thing)
        return found
