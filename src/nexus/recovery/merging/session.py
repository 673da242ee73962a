"""Connections on which values are the same text, whatever roles and databases set."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.quoting import identifier, literal
from nexus.recovery.merging.rows import OUTPUT
from nexus.recovery.merging.tables import Table

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

CONNECT = 10.0
GUARDS = {
    "application_name": "nexus restore rows",
    "client_connection_check_interval": "500ms",  # a backend whose client was killed ends its statement
    "idle_in_transaction_session_timeout": "120s",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "transaction_timeout": "0",
    "default_transaction_read_only": "off",
    "session_replication_role": "origin",
}


@asynccontextmanager
async def connected(url: str, schema: str, settings: Mapping[str, str] = GUARDS) -> AsyncIterator[Connection]:
    """A connection that finds a schema's names first. Raises as asyncpg.connect does."""
    told = {**OUTPUT, **settings, "search_path": identifier(schema)}
    connection = await asyncpg.connect(url, timeout=CONNECT, statement_cache_size=0, server_settings=told)
    try:
        yield connection
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # all that matters is done
            await connection.close(timeout=CONNECT)
    finally:
        connection.terminate()  # cut short within a statement: the server rolls back and lets go


@asynccontextmanager
async def snapshot(url: str, schema: str) -> AsyncIterator[Connection]:
    """One that sees a single moment and writes nothing."""
    async with (
        connected(url, schema) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute("SET LOCAL work_mem = '64MB'")
        yield connection


async def settle(connection: Connection, schema: str, lock_timeout: float) -> None:
    """What one transaction that writes sets. `lock_timeout` in seconds."""
    await connection.execute(
        f"SET LOCAL search_path = {identifier(schema)}; "
        f"SET LOCAL lock_timeout = {literal(f'{round(lock_timeout * 1000)}ms')}"
    )


@asynccontextmanager
async def as_owner(connection: Connection, table: Table) -> AsyncIterator[None]:
    """With no more rights than a table takes."""
    if table.as_superuser:
        yield
        return
    await connection.execute(f"SET LOCAL ROLE {identifier(table.owner)}")
    yield
    await connection.execute("SET LOCAL ROLE NONE")
