"""Prisma's lock: who changes schemas of a database, or the record of them, takes turns with all others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nexus.migrations.errors import MigrationBlocked

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

LOCK = 72707369  # the advisory lock that Prisma Migrate takes
POLL = 0.05
LOOK = 0.5  # seconds between two looks at whose turn it is
_HOLDER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = 72707369 AND objsubid = 1
    AND granted AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@asynccontextmanager
async def turn(connection: Connection, patience: float = 120.0) -> AsyncIterator[None]:
    """Hold the lock. Polls for it: a session that waits in a query blocks CREATE INDEX CONCURRENTLY.

    Held already by this session, it is held once more. `patience` in seconds: for each of those whose turn is
    before ours.

    Raises:
        MigrationBlocked: one other session holds it for longer.
    """
    clock = asyncio.get_running_loop()
    looks, give_up, before = 0.0, clock.time() + patience, None
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1::bigint)", LOCK):
        if (now := clock.time()) >= looks:
            looks, pid = now + LOOK, await holder(connection)
            if pid is None or pid != before:
                before, give_up = pid, now + patience
        if now > give_up:
            who = f"session {pid}" if pid else "another session"
            raise MigrationBlocked(
                f"{who} has changed schemas of this database for {patience:g} s; wait for its end, or see "
                f"what it does: SELECT * FROM pg_stat_activity WHERE pid = {pid or 'PID'}"
            )
        await asyncio.sleep(POLL)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.fetchval("SELECT pg_advisory_unlock($1::bigint)", LOCK)


async def holder(connection: Connection) -> int | None:
    """The process id of the other session that holds the lock now; None: nobody's."""
    pid: int | None = await connection.fetchval(_HOLDER)
    return pid
