"""event_cursor: what the module remembers, in its own database, about its stream in Redis."""

from __future__ import annotations

from nexus_kit.events.positions import START, Position
from nexus_kit.tx import Tx

ABANDONED = "7 days"


async def remember(tx: Tx, stream: str, groups: dict[str, Position]) -> None:
    """Keep how far each consumer group has acknowledged; a position never goes back."""
    if groups:
        await tx.execute(
            """
            INSERT INTO event_cursor AS c (stream, group_name, stream_ms, stream_n)
            SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[])
            ON CONFLICT (stream, group_name) DO UPDATE SET
                seen_at = now(),
                stream_ms = CASE WHEN (excluded.stream_ms, excluded.stream_n) > (c.stream_ms, c.stream_n)
                                 THEN excluded.stream_ms ELSE c.stream_ms END,
                stream_n = CASE WHEN (excluded.stream_ms, excluded.stream_n) > (c.stream_ms, c.stream_n)
                                THEN excluded.stream_n ELSE c.stream_n END
            """,
            stream,
            list(groups),
            [position.ms for position in groups.values()],
            [position.n for position in groups.values()],
        )
    await tx.execute(
        "DELETE FROM event_cursor "
        f"WHERE stream = $1 AND group_name <> '' AND seen_at < now() - interval '{ABANDONED}'",
        stream,
    )


async def safe(tx: Tx, stream: str, *, living: bool = False) -> Position:
    """Return the position up to which every known consumer group has acknowledged; the start if there is
    none.

    ``living``: leave out groups that have not moved for a week while there was something to read.
    """
    row = await tx.fetchrow(
        f"""
        SELECT stream_ms, stream_n FROM event_cursor AS c
        WHERE stream = $1 AND group_name <> '' AND NOT (
            $2 AND to_timestamp(stream_ms / 1000.0) < now() - interval '{ABANDONED}'
            AND EXISTS (SELECT 1 FROM event_cursor AS t WHERE t.stream = $1 AND t.group_name = ''
                        AND (t.stream_ms, t.stream_n) > (c.stream_ms, c.stream_n)))
        ORDER BY stream_ms, stream_n LIMIT 1
        """,
        stream,
        living,
    )
    return Position(row["stream_ms"], row["stream_n"]) if row else START


async def highest(tx: Tx, stream: str) -> Position:
    """Return the highest position ever published to the stream, and keep it."""
    row = await tx.fetchrow(
        """
        SELECT stream_ms, stream_n FROM (
            (SELECT stream_ms, stream_n FROM outbox WHERE stream_ms IS NOT NULL
             ORDER BY stream_ms DESC, stream_n DESC LIMIT 1)
            UNION ALL
            (SELECT stream_ms, stream_n FROM event_cursor WHERE stream = $1 AND group_name = '')
        ) AS known ORDER BY stream_ms DESC, stream_n DESC LIMIT 1
        """,
        stream,
    )
    top = Position(row["stream_ms"], row["stream_n"]) if row else START
    if top > START:
        await remember(tx, stream, {"": top})
    return top


async def send_again(tx: Tx, after: Position) -> int:
    """Mark every event published beyond ``after`` as not published; returns how many."""
    tag = await tx.execute(
        "UPDATE outbox SET published_at = NULL, stream_ms = NULL, stream_n = NULL "
        "WHERE published_at IS NOT NULL AND (stream_ms, stream_n) > ($1, $2)",
        after.ms,
        after.n,
    )
    return int(tag.rpartition(" ")[2])
