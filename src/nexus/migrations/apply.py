"""Applying migrations; their history is kept as Prisma keeps it, in the schema's _prisma_migrations."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from nexus.migrations.errors import MigrationError
from nexus.migrations.folder import read_folder
from nexus.migrations.migration import Migration

PRISMA_LOCK = 72707369  # the advisory lock Prisma Migrate takes
LOCK_TIMEOUT_S = 120.0
LOCK_POLL_S = 0.05

_TABLE = """
CREATE TABLE IF NOT EXISTS _prisma_migrations (
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
_HISTORY = """
SELECT migration_name, checksum, finished_at, rolled_back_at, logs FROM _prisma_migrations ORDER BY started_at
"""
_START = (
    "INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at) VALUES ($1, $2, $3, now())"
)
_FINISH = """
UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = applied_steps_count + 1 WHERE id = $1
"""
_FAIL = "UPDATE _prisma_migrations SET logs = $2 WHERE id = $1"

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


async def pending(dsn: str, schema: str, folder: Path) -> list[str]:
    """Names of the migrations of `folder` that `schema` lacks. `dsn`: a superuser of the service's database.

    Raises `MigrationError` when the history cannot go on: a failed migration, or one edited after it was
    applied.
    """
    migrations = read_folder(folder)
    async with _connect(dsn) as connection:
        await _in_schema(connection, schema)
        if await connection.fetchval("SELECT to_regclass('_prisma_migrations')") is None:
            return [migration.name for migration in migrations]
        missing = await _missing(connection, schema, migrations, running_is_missing=True)
        return [migration.name for migration in missing]


async def apply(dsn: str, schema: str, owner: str, folder: Path, role: str | None = None) -> list[str]:
    """Applies what `schema` lacks, as `owner`, in order; returns the names.

    `role` (default: named as the schema) may read the history and no more. Several callers take turns.
    Stops at the first migration that fails, records it as failed, and raises `MigrationError`.
    """
    migrations = read_folder(folder)
    async with _connect(dsn) as connection, _locked(connection):
        await _in_schema(connection, schema)
        await _make_table(connection, owner, role or schema)
        missing = await _missing(connection, schema, migrations)
        for migration in missing:
            await _apply_one(connection, schema, owner, migration)
        return [migration.name for migration in missing]


async def _apply_one(connection: Connection, schema: str, owner: str, migration: Migration) -> None:
    row_id = str(uuid.uuid4())
    await connection.execute(_START, row_id, migration.checksum, migration.name)
    await connection.execute(f'SET ROLE "{owner}"')
    try:
        await connection.execute(migration.sql)
    except asyncpg.PostgresError as error:
        log = _explain(error, migration.sql)
        await connection.execute("ROLLBACK; RESET ALL; RESET ROLE")
        await _in_schema(connection, schema)
        await connection.execute(_FAIL, row_id, log)
        raise MigrationError(
            f"{schema}: migration {migration.name} failed: {log}. Correct it, mark it as rolled back, and "
            f"run again: {_mark(schema, migration.name)}"
        ) from error
    await connection.execute("RESET ALL; RESET ROLE")
    await _in_schema(connection, schema)
    await connection.execute(_FINISH, row_id)


async def _missing(
    connection: Connection, schema: str, migrations: Sequence[Migration], running_is_missing: bool = False
) -> list[Migration]:
    applied: dict[str, Any] = {}
    for row in await connection.fetch(_HISTORY):
        if row["rolled_back_at"] is not None:
            continue
        if running_is_missing and row["finished_at"] is None and not row["logs"]:
            continue
        if row["finished_at"] is None:
            name = row["migration_name"]
            raise MigrationError(
                f"{schema}: migration {name} failed earlier ({row['logs'] or 'interrupted'}). Look at what "
                f"it left, then mark it as rolled back: {_mark(schema, name)}"
            )
        applied[row["migration_name"]] = row["checksum"]
    for migration in migrations:
        recorded = applied.get(migration.name)
        if recorded is not None and not migration.has_checksum(recorded):
            raise MigrationError(
                f"{schema}: migration {migration.name} was edited after it had been applied; restore its "
                "file and put the change into a new migration."
            )
    return [migration for migration in migrations if migration.name not in applied]


async def _make_table(connection: Connection, owner: str, role: str) -> None:
    if await connection.fetchval("SELECT to_regclass('_prisma_migrations')") is not None:
        return
    await connection.execute(_TABLE)
    await connection.execute(f'ALTER TABLE _prisma_migrations OWNER TO "{owner}"')
    if await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role):
        await connection.execute(f'GRANT SELECT ON _prisma_migrations TO "{role}"')


async def _in_schema(connection: Connection, schema: str) -> None:
    await connection.execute("SELECT set_config('search_path', quote_ident($1), false)", schema)


@asynccontextmanager
async def _connect(dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _locked(connection: Connection) -> AsyncIterator[None]:
    """Holds Prisma's lock. Polls for it: a waiting session would block CREATE INDEX CONCURRENTLY."""
    give_up = asyncio.get_running_loop().time() + LOCK_TIMEOUT_S
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", PRISMA_LOCK):
        if asyncio.get_running_loop().time() > give_up:
            raise MigrationError(
                f"another migration has run for {LOCK_TIMEOUT_S:g} s; see pg_locks for who holds it"
            )
        await asyncio.sleep(LOCK_POLL_S)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.fetchval("SELECT pg_advisory_unlock($1)", PRISMA_LOCK)


def _explain(error: asyncpg.PostgresError, sql: str) -> str:
    """The error in one line, with the line of the script where PostgreSQL saw it."""
    position = getattr(error, "position", None)
    where = f" (line {sql[: int(position)].count(chr(10)) + 1})" if position else ""
    detail = f"; {error.detail}" if getattr(error, "detail", None) else ""
    return f"{error.sqlstate} {error}{where}{detail}".replace("\n", " ")


def _mark(schema: str, name: str) -> str:
    """What `prisma migrate resolve --rolled-back` does, as SQL."""
    return (
        f'UPDATE "{schema}"._prisma_migrations SET rolled_back_at = now() '
        f"WHERE migration_name = '{name}' AND finished_at IS NULL"
    )
