"""Prisma's table of what is applied: `_prisma_migrations` in the module's schema.

Columns, defaults and what is written when are those of prisma-engines (sql_migration_persistence.rs), so that
Prisma Migrate and Nexus can take turns. All of it is written as a superuser, whoever made the table.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from nexus.migrations.history.names import table_of as table_of
from nexus.migrations.history.ownership import take_over
from nexus.migrations.history.state import Row
from nexus.migrations.journal import ensure_journal
from nexus.migrations.migration import Migration, Source
from nexus.migrations.quoting import identifier

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

KEPT = 1 << 20  # bytes of a script up to which its text is kept

_MAKE = """
CREATE TABLE IF NOT EXISTS {table} (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)
"""
_ROLES = """
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS owner,
       EXISTS (SELECT FROM pg_roles WHERE rolname = $2) AS role
"""
_READABLE = "SELECT has_table_privilege($1, to_regclass($2), 'SELECT')"
_ROWS = """
SELECT id, checksum, migration_name, started_at, finished_at, rolled_back_at, logs, applied_steps_count
FROM {table} ORDER BY started_at
"""
KEEP = """
WITH kept AS (INSERT INTO nexus.script (checksum, content) SELECT $2, $4::text WHERE $4::text IS NOT NULL
              ON CONFLICT DO NOTHING)
"""
START = (
    KEEP
    + """
INSERT INTO {table} (id, checksum, migration_name, started_at) VALUES ($1, $2, $3, clock_timestamp())
"""
)
_MARK = (
    KEEP
    + """
INSERT INTO {table} (id, checksum, migration_name, logs, started_at, finished_at)
SELECT $1, $2, $3, '', moment, moment FROM (SELECT clock_timestamp() AS moment) AS now
"""
)
FINISH = """
UPDATE {table}
SET finished_at = clock_timestamp(), applied_steps_count = applied_steps_count + 1 WHERE id = $1
"""
_FAIL = "UPDATE {table} SET logs = $2 WHERE id = $1"
_ROLL_BACK = "UPDATE {table} SET rolled_back_at = clock_timestamp() WHERE id = $1"


async def has_table(connection: Connection, source: Source) -> bool:
    """Whether the schema has the table."""
    return await connection.fetchval("SELECT to_regclass($1)", table_of(source)) is not None


async def ensure_table(connection: Connection, source: Source) -> None:
    """Make all ready for migrations: the table, our journal, and what others own in the schema (`take_over`).

    `connection`: a superuser's, in no transaction.

    Raises:
        MigrationBlocked: what another role owns is in use all the time.
    """
    await make_table(connection, source)
    await take_over(connection, source)


async def make_table(connection: Connection, source: Source) -> None:
    """Make the table where it is missing, of `source.owner`; let `source.role` read it.

    Makes the schema `nexus` of `ensure_journal` too: texts of scripts are kept there.
    """
    await ensure_journal(connection)
    roles = await connection.fetchrow(_ROLES, source.owner, source.role)
    table = table_of(source)
    if not await has_table(connection, source):
        await connection.execute(_MAKE.format(table=table))
        if roles and roles["owner"]:
            await connection.execute(f"ALTER TABLE {table} OWNER TO {identifier(source.owner)}")
    if roles and roles["role"] and not await connection.fetchval(_READABLE, source.role, table):
        await connection.execute(f"GRANT SELECT ON {table} TO {identifier(source.role)}")


async def read_rows(connection: Connection, source: Source) -> tuple[Row, ...]:
    """The rows, oldest first; the table must be there."""
    return tuple(
        Row(
            row["id"],
            row["checksum"],
            row["migration_name"],
            row["started_at"],
            row["finished_at"],
            row["rolled_back_at"],
            row["logs"],
            row["applied_steps_count"],
        )
        for row in await connection.fetch(_ROWS.format(table=table_of(source)))
    )


async def fail_row(connection: Connection, source: Source, id: str, logs: str) -> None:
    """Record why a migration failed; it blocks all that follow until somebody resolves it."""
    await connection.execute(_FAIL.format(table=table_of(source)), id, logs.replace("\0", "") or "failed")


async def mark_row(connection: Connection, source: Source, migration: Migration) -> str:
    """Record that a migration is applied without running it, as Prisma does: no steps, empty logs."""
    id, mark = str(uuid.uuid4()), _MARK.format(table=table_of(source))
    await connection.execute(mark, id, migration.checksum, migration.name, kept_text(migration))
    return id


async def roll_back_row(connection: Connection, source: Source, id: str) -> None:
    """Record that what a migration left is gone; its row no longer counts."""
    await connection.execute(_ROLL_BACK.format(table=table_of(source)), id)


def kept_text(migration: Migration) -> str | None:
    """The text of a script where it is short enough to be kept."""
    return migration.sql if len(migration.sql.encode()) <= KEPT else None
