"""Deletes what has served its time: handled events and stored answers."""

from __future__ import annotations

from nexus_kit.database import Database
from nexus_kit.events import cursors
from nexus_kit.events.event import stream_of
from nexus_kit.events.positions import END

CHUNK = 5000

_OUTBOX = """
DELETE FROM outbox WHERE seq IN (
    SELECT seq FROM outbox
    WHERE published_at < now() - interval '7 days' AND (stream_ms, stream_n) <= ($1, $2) LIMIT $3)
"""
_REST = (
    """DELETE FROM idempotency WHERE (company_id, key) IN (
        SELECT company_id, key FROM idempotency WHERE created_at < now() - interval '3 days' LIMIT $1)""",
    """DELETE FROM inbox WHERE event_id IN (
        SELECT event_id FROM inbox
        WHERE state = 'done' AND received_at < now() - interval '14 days' LIMIT $1)""",
)


async def expire(database: Database, module: str) -> None:
    """Delete outbox rows that every consumer acknowledged (7 days), answers (3 days), inbox rows (14 days).

    Works in small transactions, so that it holds no lock for long.
    """
    async with database.system(read_only=True) as tx:
        safe = await cursors.safe(tx, stream_of(module), living=True)
        consumers = await tx.fetchval("SELECT count(*) FROM event_cursor WHERE group_name <> ''")
    if not consumers:
        safe = END
    await _in_chunks(database, _OUTBOX, safe.ms, safe.n)
    for statement in _REST:
        await _in_chunks(database, statement)


async def _in_chunks(database: Database, statement: str, *args: int) -> None:
    deleted = CHUNK
    while deleted == CHUNK:
        async with database.system() as tx:
            tag = await tx.execute(statement, *args, CHUNK)
        deleted = int(tag.rpartition(" ")[2])
