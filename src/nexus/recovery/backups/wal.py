"""The WAL that a backup needs, where no stream takes it: read over SQL, stored as the stream stores it.

A physical slot that lives as long as our connection keeps it from being recycled meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from nexus.recovery import layout, lsn
from nexus.recovery.repository import Repository
from nexus.recovery.streaming.coverage import coverage

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

STREAM = "nexus_archive"  # the slot of the stream
ARRIVES_WITHIN, POLL = 15.0, 0.2  # seconds
_HOLD = "SELECT lsn::text FROM pg_create_physical_replication_slot($1, true, true)"
_STREAMED = """
SELECT active AND wal_status IN ('reserved', 'extended') FROM pg_replication_slots WHERE slot_name = $1
"""
# A record that is on the disk when this returns: it stands behind what was counted, so that a recovery that
# ends before it knows that it got there.
_MARK = "SELECT pg_logical_emit_message(false, 'nexus', $1, true)::text"
_SEGMENT = "SELECT pg_read_binary_file('pg_wal/' || $1, 0, $2)"


@dataclass(frozen=True)
class Held:
    """Since `hold`: whether the stream has taken all the WAL from then on."""

    streamed: bool


async def hold(connection: Connection) -> Held:
    """Keeps the WAL from now on, as long as the connection lives."""
    streamed = await _streams(connection)
    pid = await connection.fetchval("SELECT pg_backend_pid()")
    await connection.fetchval(_HOLD, f"nexus_backup_{pid}")
    return Held(streamed)


async def mark(connection: Connection, text: str) -> str:
    """Writes a record into the WAL and to the disk; returns where it ends."""
    return str(await connection.fetchval(_MARK, text))


async def store_wal(
    connection: Connection,
    held: Held,
    repository: Repository,
    timeline: int,
    segment: int,
    since: str,
    to: str,
) -> int:
    """Sees that the WAL between two places in it is stored: waits for the stream, or else stores it, from the
    beginning of a segment on. Returns how many bytes were stored.

    Raises:
        PlaceError: it cannot be stored.
    """
    start, end = lsn.parse(since), lsn.parse(to)
    if held.streamed and await _arrived(connection, repository, timeline, segment, start, end):
        return 0
    there = {entry.key for entry in await repository.first.entries(layout.WAL)}
    at, stored = start // segment * segment, 0
    while at < end:
        name, size = lsn.segment(timeline, at, segment), min(segment, end - at)
        key = layout.chunk(name, 0, size)
        if key not in there and layout.segment(name) not in there:
            content: bytes = await connection.fetchval(_SEGMENT, name, size)
            stored += (await repository.put(key, content)).bytes
        at += segment
    return stored


async def _arrived(
    connection: Connection, repository: Repository, timeline: int, segment: int, start: int, end: int
) -> bool:
    """Whether the stream brings it in good time."""
    clock = asyncio.get_running_loop().time
    give_up = clock() + ARRIVES_WITHIN
    while await _streams(connection) and clock() < give_up:
        for span in await coverage(repository, segment):
            if span.timeline == timeline and span.holds(start, end):
                return True
        await asyncio.sleep(POLL)
    return False


async def _streams(connection: Connection) -> bool:
    return bool(await connection.fetchval(_STREAMED, STREAM))
