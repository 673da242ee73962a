"""Opening a failed migration again, by decision of an operator: what is done of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexus.migrations.errors import HistoryBroken
from nexus.migrations.history.checks import check_rolled_back
from nexus.migrations.history.table import has_table, read_rows, table_of
from nexus.migrations.history.turn import turn
from nexus.migrations.migration import Source

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_OPEN = """
UPDATE nexus.migration_run SET outcome = NULL, ended_at = NULL
WHERE id = $1 AND outcome = 'failed' AND NOT one_transaction
RETURNING id
"""


async def mark_resumed(connection: Connection, source: Source, name: str) -> None:
    """Let the next `apply` go on with a migration of ours that failed half-way: statements that are done and
    whose text is unchanged are not run again, the rest is.

    Raises:
        HistoryBroken: it was never begun (P3011), did not fail (P3012), or nothing of it can be gone on with:
            it was one transaction, or another tool's.
        MigrationBlocked: another session changes schemas all the time.
    """
    async with turn(connection), connection.transaction():
        rows = await read_rows(connection, source) if await has_table(connection, source) else ()
        check_rolled_back(source, rows, name)
        failed = [row.id for row in rows if row.name == name and row.state == "failed"]
        known = await connection.fetchval("SELECT to_regclass('nexus.migration_run')") is not None
        if not (failed and known and await connection.fetchval(_OPEN, failed[-1])):
            raise HistoryBroken(
                f"{source.schema}: migration {name} cannot be resumed: what failed of it was one transaction "
                f"or not run by Nexus; take back what it left, if anything, and run `nexus migrate resolve "
                f"{source.module} --rolled-back {name}`"
            )
        await connection.execute(f"UPDATE {table_of(source)} SET logs = NULL WHERE id = $1", failed[-1])
