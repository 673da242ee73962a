"""Before the latest state is restored from the archive, all that was committed must be in it."""

from __future__ import annotations

import asyncio

import asyncpg

from nexus.control.secrets import ADMIN_URL
from nexus.recovery import lsn
from nexus.recovery.streaming.status import read_status
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service

LIMIT = 120.0  # seconds
POLL = 0.2


async def seal(site: Site, server: Service) -> None:
    """Ends the present WAL segment, and returns when the archive holds everything up to there.

    Raises:
        StartError: the database does not answer, or the stream does not get there in time.
    """
    try:
        connection = await asyncpg.connect(site.secret(server, ADMIN_URL).read_text().strip(), timeout=10)
        try:
            end = lsn.parse(await connection.fetchval("SELECT pg_switch_wal()::text"))
        finally:
            await connection.close(timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise StartError(f"{server.name} cannot end its WAL segment: {error}") from error
    give_up = asyncio.get_running_loop().time() + LIMIT
    while True:
        status = read_status(site.home)
        sealed = status.sealed_lsn if status is not None and status.alive else None
        if sealed and lsn.parse(sealed) >= end:
            return
        if asyncio.get_running_loop().time() > give_up:
            there = f"it is at {sealed}" if sealed else "it does not run"
            raise StartError(
                f"the archive does not have all that was committed (up to {lsn.text(end)}, {there}); see "
                "`nexus recovery status`, or restore to a time with --at"
            )
        await asyncio.sleep(POLL)
