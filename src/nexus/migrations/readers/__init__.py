"""Who reads which columns, so that a change that breaks them is seen before it is made.

readers_of(stack)    KPIs, invariants, objectives, contracts, and migrations that name another module's schema
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.readers.columns import Reading
from nexus.migrations.readers.contracts import contracts_of
from nexus.migrations.readers.queries import Query, migrations_of, queries_of, readings_of
from nexus.migrations.readers.reader import Reader
from nexus.stack import Stack

__all__ = ["Reader", "readers_of"]


def readers_of(stack: Stack) -> tuple[Reader, ...]:
    """Who reads which columns of the modules' schemas; each reader, column and line once. Files are told
    below the stack's folder.

    A module's own KPIs and invariants count: a dropped column breaks them. Of its own migrations nothing
    counts: they follow each other. A migration that cannot be read tells nothing here; lint and plan name it.

    Raises:
        MigrationUnreadable: a query that PostgreSQL's parser refuses, or a contract that cannot be read.
        ManifestError: a manifest cannot be read any more.
    """
    schemas = {each.database.schema_ for each in stack.services if each.database}
    found = chain(_readers(stack, schemas), contracts_of(stack))
    return tuple(dict.fromkeys(replace(each, file=_below(stack.root, each.file)) for each in found))


def _readings(query: Query) -> tuple[tuple[Reading, int], ...]:
    try:
        return tuple(readings_of(query))
    except MigrationUnreadable:
        if query.kind == "sql":
            return ()
        raise


def _below(root: Path, file: Path) -> Path:
    return file.relative_to(root) if file.is_relative_to(root) else file


def _readers(stack: Stack, schemas: set[str]) -> Iterator[Reader]:
    for query in chain(queries_of(stack), migrations_of(stack)):
        for reading, line in _readings(query):
            own = query.kind == "sql" and reading.table.schema == query.schema
            if reading.table.schema in schemas and not own:
                yield Reader(
                    query.who,
                    query.kind,
                    reading.table,
                    reading.column,
                    query.migration.file,
                    line,
                    query.name,
                )
