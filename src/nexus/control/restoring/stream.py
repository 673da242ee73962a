"""What a restore wants of the stream: all that was committed before, and to follow the cluster after."""

from __future__ import annotations

import asyncio

import asyncpg

from nexus.control.secrets import ADMIN_URL
from nexus.recovery import lsn
from nexus.recovery.streaming.status import StreamStatus, read_status
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service
from nexus.stack.recovering import LOCAL

LIMIT = 120.0  # seconds
FOLLOWS_WITHIN = 30.0
POLL = 0.2
_SWITCH = """
SELECT place::text, ('x' || left(pg_walfile_name(place), 8))::bit(32)::int AS timeline
FROM pg_switch_wal() place
"""


async def seal(site: Site, server: Service, place: str = "", limit: float = LIMIT) -> None:
    """Ends the present WAL segment, and returns when the archive holds everything up to there. `place`: the
    one that must hold it too ("" = the archive on this machine is enough); `limit` in seconds.

    Raises:
        StartError: the database does not answer, or the stream does not get there in time.
    """
    try:
        connection = await asyncpg.connect(site.secret(server, ADMIN_URL).read_text().strip(), timeout=10)
        try:
            row = await connection.fetchrow(_SWITCH)
            assert row is not None
        finally:
            await connection.close(timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise StartError(f"{server.name} cannot end its WAL segment: {error}") from error
    end, timeline = lsn.parse(row["place"]), int(row["timeline"])
    give_up = asyncio.get_running_loop().time() + limit
    while True:
        status = read_status(site.home)
        sealed = _held(status, place, timeline)
        if sealed and lsn.parse(sealed) >= end:
            return
        if asyncio.get_running_loop().time() > give_up:
            behind = f"it is behind by {end - lsn.parse(sealed)} bytes" if sealed else "nobody fills it now"
            raise StartError(
                f"{place or 'the archive'} does not have all that was committed (up to {lsn.text(end)}, "
                f"{behind}); see `nexus recovery status`, or restore to a time with --at"
            )
        await asyncio.sleep(POLL)


def _held(status: StreamStatus | None, place: str, timeline: int) -> str | None:
    """Up to where a timeline's archive is held, in a place or on this machine; None where nobody says."""
    if status is None or not status.alive or status.timeline != timeline:
        return None
    if place in ("", LOCAL):
        return status.sealed_lsn
    return next((each.lsn for each in status.places if each.name == place), None)


async def followed(site: Site, server: Service) -> str:
    """Returns when the stream is on the server's timeline; else, after a while, why it is not ("" = it is).

    Raises:
        StartError: the database does not answer.
    """
    try:
        connection = await asyncpg.connect(site.secret(server, ADMIN_URL).read_text().strip(), timeout=10)
        try:
            timeline = await connection.fetchval("SELECT timeline_id FROM pg_control_checkpoint()")
        finally:
            await connection.close(timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise StartError(f"{server.name} does not answer: {error}") from error
    give_up = asyncio.get_running_loop().time() + FOLLOWS_WITHIN
    while True:
        status = read_status(site.home)
        if (
            status is not None
            and status.alive
            and status.timeline == timeline
            and status.state == "streaming"
        ):
            return ""
        if asyncio.get_running_loop().time() > give_up:
            state = status.state if status is not None and status.alive else "off"
            return (
                f"the stream does not follow timeline {timeline} yet (it is {state}): nexus recovery status"
            )
        await asyncio.sleep(POLL)
