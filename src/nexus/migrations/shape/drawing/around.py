"""What crosses modules: who reads whose tables, who tells whom what happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from nexus.migrations.migration import Source
from nexus.stack import Stack


class TableName(Protocol):
    """A table by its schema and name."""

    @property
    def schema(self) -> str: ...

    @property
    def name(self) -> str: ...


class Reads(Protocol):
    """One who reads a table or a column: see `nexus.migrations.readers`."""

    @property
    def who(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def table(self) -> TableName: ...

    @property
    def column(self) -> str | None: ...

    @property
    def name(self) -> str: ...


class Tells(NamedTuple):
    """One module tells another what happened. `types`: of events."""

    teller: str
    listener: str
    types: tuple[str, ...]


def events_of(stack: Stack) -> tuple[Tells, ...]:
    """Which modules of a stack tell which others what."""
    return tuple(
        Tells(teller, service.name, tuple(types))
        for service in sorted(stack.services, key=lambda each: each.name)
        for teller, types in sorted(service.events.consumes.items())
    )


def read_from_outside(
    readers: Iterable[Reads], sources: Sequence[Source]
) -> Mapping[tuple[str, str], tuple[Reads, ...]]:
    """Who else reads the tables of each pair of modules: (reader, owner) → readings."""
    owners = {each.schema: each.module for each in sources}
    found: dict[tuple[str, str], list[Reads]] = defaultdict(list)
    for each in readers:
        owner = owners.get(each.table.schema)
        if owner is not None and owner != each.who:
            found[each.who, owner].append(each)
    return {pair: tuple(told) for pair, told in sorted(found.items())}


def of_table(
    readers: Iterable[Reads], schema: str, table: str
) -> dict[tuple[str, str, str], frozenset[str | None]]:
    """Who reads a table, as what, named how; and which columns: None is all of them, "" its rows alone."""
    found: dict[tuple[str, str, str], set[str | None]] = defaultdict(set)
    for each in readers:
        if (each.table.schema, each.table.name) == (schema, table):
            found[each.who, each.kind, each.name].add(each.column)
    return {key: frozenset(columns) for key, columns in sorted(found.items())}
