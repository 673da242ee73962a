"""Recording that an edited file says what is in the database, by decision of an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexus.migrations.history.checks import check_edited, in_folder
from nexus.migrations.history.table import KEEP, has_table, kept_text, read_rows, table_of
from nexus.migrations.history.turn import turn
from nexus.migrations.journal import ensure_journal
from nexus.migrations.migration import Source
from nexus.migrations.reading import read

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_EDITED = (
    KEEP
    + """
UPDATE {table} SET checksum = $2
WHERE migration_name = $3 AND id = $1
"""
)


async def mark_edited(connection: Connection, source: Source, name: str) -> None:
    """Record the checksum of a file that was edited after it had been applied; nothing is run.

    Raises:
        HistoryBroken: the folder has no such migration (P3017), it is not applied (P3011), or not edited.
        MigrationUnreadable: the folder cannot be read.
        MigrationBlocked: another session changes schemas all the time.
    """
    migration = in_folder(source, read(source), name)
    async with turn(connection), connection.transaction():
        rows = await read_rows(connection, source) if await has_table(connection, source) else ()
        check_edited(source, rows, migration)
        await ensure_journal(connection)
        row = [each for each in rows if each.name == name and each.state == "applied"][-1]
        text = _EDITED.format(table=table_of(source))
        await connection.execute(text, row.id, migration.checksum, name, kept_text(migration))
