"""What is applied to some schemas, read from the living database and applied again elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

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
from nexus.migrations.shape.quoting import name

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


async def replay(url: str, modules: Sequence[Applied]) -> None:
    """Apply all of it to an empty database, in the order of what depends on what. `url`: a superuser's.

    Raises:
        HistoryBroken: a script's text is not known.
        MigrationError: a script cannot be applied to an empty database.
    """
    for each in modules:
        for missing in each.unknown:
            raise HistoryBroken(
                f"{each.source.module}: migration {missing} is recorded as applied, but its script is "
                f"neither in {each.source.folder} nor kept in nexus.script; bring its file back"
            )
    await _provision(url, modules)
    sources = {each.source.module: each.source for each in modules}
    for module, told in groupby(ordered(modules), key=lambda each: each[0]):
        await apply_there(url, sources[module], [migration for _, migration in told])


def ordered(modules: Sequence[Applied]) -> tuple[tuple[str, Migration], ...]:
    """All of it in the order in which it can be applied to an empty database."""
    histories: Mapping[str, History] = {
        each.source.module: History(each.source, each.migrations, pending=each.migrations) for each in modules
    }
    return order(histories)


async def apply_there(url: str, source: Source, migrations: Sequence[Migration]) -> None:
    """Apply migrations of one module, whatever is recorded; its schema is there."""
    async with open_session(url, source, _QUICK) as session:
        await ensure_table(session.connection, source)
        for migration in migrations:
            try:
                await apply_one(session, History(source), await prepare(migration), None)
            except MigrationError as error:
                raise type(error)(
                    f"{source.module}: migration {migration.name} cannot be applied to an empty database, so "
                    f"that what its schema should be is not known: {error}",
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
            await connection.execute(_schema(source, has_role))
    finally:
        await connection.close()


def _schema(source: Source, has_role: bool) -> str:
    schema, owner, user = name(source.schema), name(source.owner), name(source.role)
    sql = f"CREATE SCHEMA {schema} AUTHORIZATION {owner};"
    if has_role and source.role != source.owner:
        default = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT"
        sql += (
            f"GRANT USAGE ON SCHEMA {schema} TO {user};"
            f"{default} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {user};"
            f"{default} USAGE, SELECT ON SEQUENCES TO {user};"
        )
    return sql
