"""What is applied to some schemas, read from the living database and applied again elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.faults import explain
from nexus.migrations.applying.one_migration import apply_one, prepare
from nexus.migrations.applying.session import open_session
from nexus.migrations.applying.settings import Settings
from nexus.migrations.errors import HistoryBroken, MigrationError
from nexus.migrations.history import History, read_history
from nexus.migrations.history.state import Row
from nexus.migrations.history.table import ensure_table
from nexus.migrations.history.texts import recorded_text
from nexus.migrations.migration import SCRIPT, Migration, Source
from nexus.migrations.planning import order
from nexus.migrations.reading import order_of
from nexus.migrations.roles import schema_sql
from nexus.migrations.shape.whole_server import without_the_server

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_QUICK = Settings(restore_point=False)
_ROLE = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"


@dataclass(frozen=True)
class Applied:
    """What is applied to one module's schema, in order, as it was when it was applied.

    `unknown`: what is recorded as applied and whose text is nowhere.
    """

    source: Source
    migrations: tuple[Migration, ...]
    unknown: tuple[str, ...] = ()


async def applied(connection: Connection, source: Source) -> Applied:
    """What is applied to a module's schema. Of a schema with tables and no record, all of the folder.

    A script that was edited since, or is not in this folder, is taken as it was recorded.

    Raises:
        MigrationUnreadable: the folder cannot be read.
    """
    history = await read_history(connection, source)
    if any(problem.kind == "baseline" for problem in history.problems):
        return Applied(source, history.migrations)
    here = {each.name: each for each in history.migrations}
    found: list[Migration] = []
    unknown: list[str] = []
    for row in sorted(history.applied.values(), key=lambda row: order_of(source.format)(row.name)):
        migration = await _as_applied(connection, source, row, here.get(row.name))
        if migration is None:
            unknown.append(row.name)
        else:
            found.append(migration)
    return Applied(source, tuple(found), tuple(unknown))


async def replay(url: str, modules: Sequence[Applied]) -> Mapping[str, MigrationError]:
    """Apply all of it to an empty database, in the order of what depends on what; of a module that cannot be
    applied wholly, why (what it left behind stays for the others). `url`: a superuser's.

    HistoryBroken: a script's text is not known. MigrationError: it cannot be applied to an empty database.

    Raises:
        PlanRefused: migrations wait for each other.
    """
    failed: dict[str, MigrationError] = {}
    for each in modules:
        for missing in each.unknown[:1]:
            failed[each.source.module] = HistoryBroken(
                f"{each.source.module}: migration {missing} is recorded as applied, but its script is "
                f"neither in {each.source.folder} nor kept in nexus.script; bring its file back"
            )
    await _provision(url, modules)
    sources = {each.source.module: each.source for each in modules}
    for module, told in groupby(ordered(modules), key=lambda each: each[0]):
        if module in failed:
            continue
        try:
            await apply_there(url, sources[module], [migration for _, migration in told])
        except MigrationError as error:
            failed[module] = error
    return failed


def ordered(modules: Sequence[Applied]) -> tuple[tuple[str, Migration], ...]:
    """All of it in the order in which it can be applied to an empty database."""
    histories: Mapping[str, History] = {
        each.source.module: History(each.source, each.migrations, pending=each.migrations) for each in modules
    }
    return order(histories)


async def apply_there(url: str, source: Source, migrations: Sequence[Migration]) -> None:
    """Apply migrations of one module, whatever is recorded; its schema is there. What they do to roles and to
    the server is left out: it would take effect again where the living database is.

    Raises:
        MigrationError: one cannot be applied to an empty database.
    """
    async with open_session(url, source, _QUICK) as session:
        await ensure_table(session.connection, source)
        for migration in migrations:
            try:
                prepared = await prepare(without_the_server(migration))
                await apply_one(session, History(source), prepared, None)
            except MigrationError as error:
                cause = error.__cause__
                refused = isinstance(cause, asyncpg.PostgresError)
                why = explain(cause, session.current) if cause is not None and refused else str(error)
                raise type(error)(
                    f"{source.module}: migration {migration.name} is applied, but cannot be applied to an "
                    f"empty database; what its schema should be is not known: {migration.place}: {why}",
                    error.code,
                ) from error


async def _as_applied(
    connection: Connection, source: Source, row: Row, migration: Migration | None
) -> Migration | None:
    if migration is not None and migration.has_checksum(row.checksum):
        return migration
    file = migration.file if migration else source.folder / row.name / SCRIPT
    text = await recorded_text(connection, row.checksum, file)
    if text is None:
        return migration
    return replace(migration or Migration(row.name, "", "", Path()), sql=text, checksum=row.checksum)


async def _provision(url: str, modules: Sequence[Applied]) -> None:
    """The schemas as `roles.provision` makes them; the roles are the server's and there already."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for each in modules:
            source = each.source
            has_role = await connection.fetchval(_ROLE, source.role)
            await connection.execute(
                schema_sql(source.schema, source.owner, source.role if has_role else None)
            )
    finally:
        await connection.close()
