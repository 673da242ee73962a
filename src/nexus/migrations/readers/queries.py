"""The SQL that a stack's manifests and folders ask of its schemas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pglast.visitors import Visitor

from nexus.business.invariants import InvariantError, load_invariants
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Migration, Source, sha256
from nexus.migrations.planning.touched import search_schema
from nexus.migrations.readers.bodies import tables_in
from nexus.migrations.readers.columns import Reading, columns_of
from nexus.migrations.readers.reader import Kind
from nexus.migrations.reading import read
from nexus.migrations.roles import owner_of
from nexus.migrations.statements import Statement, statements
from nexus.stack import Service, Stack
from nexus.stack.reading import read_yaml


@dataclass(frozen=True)
class Query:
    """SQL that somebody runs: whose it is, and where it stands. `schema`: of names without one."""

    who: str
    kind: Kind
    name: str
    schema: str
    migration: Migration


def queries_of(stack: Stack) -> Iterator[Query]:
    """The KPIs, the invariants and the objectives of a stack.

    Raises:
        MigrationUnreadable: an invariant cannot be read.
        ManifestError: a manifest cannot be read any more.
    """
    for service in stack.services:
        yield from _kpis(service)
    yield from _objectives(stack)
    yield from _invariants(stack)


def migrations_of(stack: Stack) -> Iterator[Query]:
    """All migrations of all modules of a stack whose folder can be read."""
    for service in stack.services:
        if service.database is None or service.migrations is None:
            continue
        schema = service.database.schema_
        form = service.database.migrations.format
        source = Source(service.name, schema, owner_of(schema), schema, service.migrations, form)
        try:
            migrations = read(source)
        except MigrationUnreadable:  # told by whoever plans or judges them
            continue
        for migration in migrations:
            yield Query(service.name, "sql", migration.name, schema, migration)


def readings_of(query: Query) -> Iterator[tuple[Reading, int]]:
    """What a query reads, each with the line of its file.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses it.
    """
    schema = query.schema
    for statement in statements(query.migration):
        tree = statement.tree
        if tree is None:
            continue
        schema = search_schema(statement, schema)
        found = (*columns_of(tree, schema), *_in_bodies(tree))
        told = {each.table for each in found if each.column != ""}
        for each in found:
            if each.column != "" or each.table not in told:
                yield each, statement.line + _lines(statement, each.at)


def _lines(statement: Statement, at: int) -> int:
    return statement.sql.count("\n", 0, max(0, at))


def _in_bodies(tree: Any) -> Iterator[Reading]:
    """Functions and DO blocks are code: which columns they read shows when they run, so all count."""
    bodies = _Bodies()
    bodies(tree)
    yield from bodies.found


class _Bodies(Visitor):
    def __init__(self) -> None:
        self.found: list[Reading] = []

    def visit_DefElem(self, ancestors: Any, node: Any) -> None:
        if node.defname == "as":
            parts = node.arg if isinstance(node.arg, tuple) else (node.arg,)
            for part in parts:
                for table in tables_in(str(getattr(part, "sval", ""))):
                    self.found.append(Reading(table, None, node.location))


def _kpis(service: Service) -> Iterator[Query]:
    asked = [(number, kpi) for number, kpi in enumerate(service.kpis) if kpi.sql]
    if not asked:
        return
    told = read_yaml(service.manifest).data["kpis"]
    for number, kpi in asked:
        file = service.folder / str(told[number]["sql"])
        yield Query(service.name, "kpi", kpi.name, kpi.needs[0], _script(kpi.name, kpi.sql, file))


def _objectives(stack: Stack) -> Iterator[Query]:
    asked = [
        (name, each) for name, process in stack.processes.items() for each in process.objectives if each.sql
    ]
    if not asked:
        return
    told = read_yaml(stack.root / stack.file).data["processes"]
    for process, each in asked:
        file = stack.root / str(told[process]["objectives"][each.name]["sql"])
        name = f"{process}/{each.name}"
        yield Query("stack", "objective", name, each.needs[0], _script(name, each.sql, file))


def _invariants(stack: Stack) -> Iterator[Query]:
    try:
        found = load_invariants(stack)
    except InvariantError as error:
        raise MigrationUnreadable(str(error)) from error
    for each in (*found.usable, *(invariant for invariant, _ in found.skipped)):
        name = each.name.rpartition("/")[2]
        script = _script(name, each.sql, each.file)
        yield Query(each.owner or "stack", "invariant", name, each.needs[0], script)


def _script(name: str, sql: str, file: Path) -> Migration:
    return Migration(name, sql, sha256(sql.encode()), file)
