"""What a tool's run holds while it goes on: its turn, and its owner's rights."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.commands.state import may_act_as_owner
from nexus.migrations.errors import MigrationBlocked
from nexus.migrations.history.turn import turn
from nexus.migrations.migration import Source

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LOCK = 72707370  # with the schema's name: the lock of this schema's tool
CONNECT_S = 10.0
POLL_S = 0.1
_GUARDS = {  # the connection is idle while the tool runs
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


async def connect(dsn: str, source: Source) -> Connection:
    """A superuser's connection that holds a turn. Raises asyncpg.PostgresError, OSError."""
    application = f"nexus migrate {source.module}"[:63]
    return await asyncpg.connect(
        dsn, timeout=CONNECT_S, server_settings={"application_name": application, **_GUARDS}
    )


def locks_by_itself(source: Source) -> bool:
    """Whether the tool takes Prisma's lock, for which it would wait for ever if it were held here. Pure."""
    return any("prisma" in word.lower() for word in source.command)


@asynccontextmanager
async def in_turn(connection: Connection, source: Source, patience: float) -> AsyncIterator[None]:
    """The lock of this schema's tool, until the connection ends; and, unless the tool takes it itself, the
    lock that all migrations of the database take. Polled for: nobody queues in the server.

    Raises:
        MigrationBlocked: another holds one of them for longer than `patience` seconds.
    """
    give_up = time.monotonic() + patience
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", LOCK, source.schema):
        if time.monotonic() > give_up:
            raise MigrationBlocked(
                f"{source.module}: another run of its own tool goes on for {patience:g} s; wait for its end"
            )
        await asyncio.sleep(POLL_S)
    async with AsyncExitStack() as held:
        if not locks_by_itself(source):
            await held.enter_async_context(turn(connection, patience))
        yield


@asynccontextmanager
async def rights(connection: Connection, source: Source) -> AsyncIterator[None]:
    """The module's role may act as the owner; afterwards it may not, whoever gave the right.

    When whoever waits is cancelled, the tool goes on; the next turn waits for it, and takes the right back.
    """
    if not await may_act_as_owner(connection, source):
        grant = f'GRANT "{source.owner}" TO "{source.role}" WITH INHERIT FALSE, SET TRUE'
        await connection.execute(grant)
    try:
        yield
    except asyncio.CancelledError:
        raise
    except BaseException:
        if not connection.is_closed():
            await take_back(connection, source)
        raise
    await take_back(connection, source)


async def take_back(connection: Connection, source: Source) -> None:
    """The module's role may no longer act as the owner."""
    await connection.execute(f'REVOKE "{source.owner}" FROM "{source.role}"')
