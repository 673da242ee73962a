"""Saying what became of a migration: rows that are written by decision of an operator, as Prisma writes them.

The rules are those of prisma-engines: mark_migration_applied.rs and mark_migration_rolled_back.rs.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from nexus.migrations.errors import HistoryBroken
from nexus.migrations.history.ownership import take_over
from nexus.migrations.history.state import Row
from nexus.migrations.history.table import has_table, make_table, mark_row, read_rows, roll_back_row
from nexus.migrations.history.turn import turn
from nexus.migrations.migration import Migration, Source
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
    migration = _in_folder(source, read(source), name)
    await _check_schema(connection, source)
    async with turn(connection), connection.transaction():
        await make_table(connection, source)
        rows = [row for row in await read_rows(connection, source) if row.name == name]
        if any(row.finished_at is not None for row in rows):
            raise HistoryBroken(
                f"{source.schema}: migration {name} is recorded as applied already; nothing is to be done",
                "P3008",
            )
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
        rows = [row for row in known if row.name == name]
        if not rows:
            begun = ", ".join(row.name for row in known if row.state in ("failed", "running"))
            hint = f"failed ones: {begun}" if begun else "none has failed"
            raise HistoryBroken(
                f"{source.schema}: migration {name} cannot be rolled back: it was never applied here; {hint}",
                "P3011",
            )
        if all(row.finished_at is not None for row in rows):
            raise HistoryBroken(
                f"{source.schema}: migration {name} cannot be rolled back: it did not fail; to take back "
                f"what it made, see `nexus migrate undo` or write a new migration",
                "P3012",
            )
        await _roll_back(connection, source, rows)


async def baseline(connection: Connection, source: Source, upto: str | None) -> tuple[str, ...]:
    """Record that the migrations up to `upto` (None: all) are in a schema that was made without a record.

    Nothing is run and nothing compared: the operator says so. What is in the schema becomes the owner's (see
    `take_over`). Returns the names.

    Raises:
        HistoryBroken: the folder has no migration `upto` (P3017), or there is a record already (P3008).
        MigrationUnreadable: the folder cannot be read.
        MigrationBlocked: another session changes schemas all the time, or uses a table all the time.
    """
    migrations = read(source)
    if upto is not None:
        last = migrations.index(_in_folder(source, migrations, upto))
        migrations = migrations[: last + 1]
    await _check_schema(connection, source)
    async with turn(connection):
        async with connection.transaction():
            await make_table(connection, source)
            await _check_empty(connection, source)
            for migration in migrations:
                await mark_row(connection, source, migration)
        await take_over(connection, source)
    return tuple(migration.name for migration in migrations)


async def _check_empty(connection: Connection, source: Source) -> None:
    rows = await read_rows(connection, source)
    if rows:
        raise HistoryBroken(
            f"{source.schema}: there is a record of migrations already ({len(rows)} rows, the last "
            f"{rows[-1].name}); mark single ones: `nexus migrate resolve {source.module} --applied NAME`",
            "P3008",
        )


def _in_folder(source: Source, migrations: Sequence[Migration], name: str) -> Migration:
    found = next((each for each in migrations if each.name == name), None)
    if found is None:
        names = [each.name for each in migrations]
        alike = get_close_matches(name, names, 1) or [each for each in names if name and name in each]
        hint = f"; did you mean {alike[0]}?" if alike else f"; the newest is {names[-1]}" if names else ""
        raise HistoryBroken(f"{source.folder}: there is no migration {name} in it{hint}", "P3017")
    return found


async def _check_schema(connection: Connection, source: Source) -> None:
    if not await connection.fetchval(_SCHEMA, source.schema):
        raise HistoryBroken(
            f"{source.schema}: there is no such schema in this database; `nexus up` makes it, and then "
            "applies all of the migrations"
        )


async def _roll_back(connection: Connection, source: Source, rows: Sequence[Row]) -> None:
    for row in rows:
        if row.finished_at is None and row.rolled_back_at is None:
            await roll_back_row(connection, source, row.id)
            if await connection.fetchval("SELECT to_regclass('nexus.migration_run')") is not None:
                await connection.execute(_END, row.id)
