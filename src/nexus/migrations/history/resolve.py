"""Saying what became of a migration: rows that are written by decision of an operator, as Prisma writes them.

The rules are Prisma's: see `checks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nexus.migrations.history.checks import (
    check_applied,
    check_empty,
    check_made,
    check_rolled_back,
    in_folder,
)
from nexus.migrations.history.ownership import take_over
from nexus.migrations.history.state import Row
from nexus.migrations.history.table import has_table, make_table, mark_row, read_rows, roll_back_row
from nexus.migrations.history.turn import turn
from nexus.migrations.migration import Source
from nexus.migrations.reading import read

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_END = """
UPDATE nexus.migration_run SET outcome = 'failed', ended_at = clock_timestamp()
WHERE id = $1 AND outcome IS NULL
"""
_SCHEMA = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)"


async def mark_applied(connection: Connection, source: Source, name: str) -> None:
    """Record that a migration is applied, without running it; what failed of it is marked as rolled back.

    Raises:
        HistoryBroken: the folder has no such migration (P3017), or it is applied already (P3008).
        MigrationUnreadable: the folder cannot be read.
        MigrationBlocked: another session changes schemas all the time.
    """
    migration = in_folder(source, read(source), name)
    await _check_schema(connection, source)
    async with turn(connection), connection.transaction():
        await make_table(connection, source)
        rows = [row for row in await read_rows(connection, source) if row.name == name]
        check_applied(source, rows, name)
        await _roll_back(connection, source, rows)
        await mark_row(connection, source, migration)


async def mark_rolled_back(connection: Connection, source: Source, name: str) -> None:
    """Record that what a failed migration left is gone, so that it can be applied again.

    Raises:
        HistoryBroken: it was never begun (P3011), or did not fail (P3012).
        MigrationBlocked: another session changes schemas all the time.
    """
    async with turn(connection), connection.transaction():
        known = await read_rows(connection, source) if await has_table(connection, source) else ()
        check_rolled_back(source, known, name)
        rows = [row for row in known if row.name == name]
        await _roll_back(connection, source, rows)


async def baseline(
    connection: Connection, source: Source, upto: str | None, patience: float = 60.0
) -> tuple[str, ...]:
    """Record that the migrations up to `upto` (None: all) are in a schema that was made without a record.

    Nothing is run and nothing compared: the operator says so. What is in the schema becomes the owner's (see
    `take_over`). `patience` in seconds, for each of those that are in use. Returns the names.

    Raises:
        HistoryBroken: the folder has no migration `upto` (P3017), or there is a record already (P3008).
        MigrationUnreadable: the folder cannot be read.
        MigrationBlocked: another session changes schemas all the time, or uses a table all the time.
    """
    migrations = read(source)
    if upto is not None:
        last = migrations.index(in_folder(source, migrations, upto))
        migrations = migrations[: last + 1]
    await _check_schema(connection, source)
    async with turn(connection):
        if await has_table(connection, source):
            check_empty(source, await read_rows(connection, source))
        await take_over(connection, source, patience)
        async with connection.transaction():
            await make_table(connection, source)
            for migration in migrations:
                await mark_row(connection, source, migration)
    return tuple(migration.name for migration in migrations)


async def _check_schema(connection: Connection, source: Source) -> None:
    check_made(source, bool(await connection.fetchval(_SCHEMA, source.schema)))


async def _roll_back(connection: Connection, source: Source, rows: Sequence[Row]) -> None:
    for row in rows:
        if row.finished_at is None and row.rolled_back_at is None:
            await roll_back_row(connection, source, row.id)
            if await connection.fetchval("SELECT to_regclass('nexus.migration_run')") is not None:
                await connection.execute(_END, row.id)
