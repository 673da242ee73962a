"""Reads what is applied to a module's schema, and sees it beside the folder. Nothing is written."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.migrations.history.judge import Record, applied_of, edited_of, judge, missing_of, resumable_of
from nexus.migrations.history.state import History
from nexus.migrations.history.table import has_table, read_rows
from nexus.migrations.history.texts import PATIENCE, difference, recorded_text
from nexus.migrations.history.turn import holder
from nexus.migrations.migration import SCRIPT, Migration, Source
from nexus.migrations.reading import read

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

SHOWN = 10  # migrations whose difference is looked up; many are edited when a folder is the wrong one
_SCHEMA = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)"
_FILLED = """
SELECT string_agg(relname, ', ' ORDER BY relname) FILTER (WHERE number <= 3)
       || CASE WHEN count(*) > 3 THEN format(' and %s more', count(*) - 3) ELSE '' END
FROM (SELECT c.relname::text, row_number() OVER (ORDER BY c.relname) AS number
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')) AS found
"""
_OURS = "SELECT id FROM nexus.migration_run WHERE schema_name = $1 AND outcome IS NULL"


async def read_history(connection: Connection, source: Source) -> History:
    """What is applied to the schema of a module, what is pending, and what stands in the way.

    `connection`: a superuser's, of the module's database. A schema or table that is not there is an empty
    record.

    Raises:
        MigrationUnreadable: the module's folder cannot be read.
    """
    migrations = read(source)
    made = bool(await connection.fetchval(_SCHEMA, source.schema))
    record = await _record(connection, source) if made else Record()
    applied = applied_of(record.rows)
    return History(
        source,
        migrations,
        record.rows,
        applied,
        tuple(each for each in migrations if each.name not in applied),
        resumable_of(record),
        judge(source, migrations, record, await _diffs(connection, source, migrations, record)),
        made,
    )


async def _record(connection: Connection, source: Source) -> Record:
    if not await has_table(connection, source):
        return Record(filled=await connection.fetchval(_FILLED, source.schema) or "")
    rows = await read_rows(connection, source)
    if all(row.state in ("applied", "rolled back") for row in rows):
        return Record(rows)
    ours: frozenset[str] = frozenset()
    if await connection.fetchval("SELECT to_regclass('nexus.migration_run')") is not None:
        ours = frozenset(row["id"] for row in await connection.fetch(_OURS, source.schema))
    return Record(rows, ours, busy=await holder(connection))


async def _diffs(
    connection: Connection, source: Source, migrations: tuple[Migration, ...], record: Record
) -> dict[str, str]:
    """What was applied against what the file says, of the first that were edited or are gone."""
    applied = applied_of(record.rows)
    missing, _ = missing_of(source, migrations, applied)
    files = {each.name: (each.file, each.sql) for each in edited_of(migrations, applied)}
    files |= {name: (_file(source, name), "") for name in missing}
    found: dict[str, str] = {}
    clock = asyncio.get_running_loop().time
    give_up = clock() + PATIENCE
    for name, (file, sql) in list(files.items())[:SHOWN]:
        text = await recorded_text(connection, applied[name].checksum, file, give_up - clock())
        if text is not None:
            found[name] = difference(name, text, sql)
    return found


def _file(source: Source, name: str) -> Path:
    return source.folder / f"{name}.sql" if source.format == "sql" else source.folder / name / SCRIPT
