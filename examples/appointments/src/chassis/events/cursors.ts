/** event_cursor: what the module remembers, in its own database, about its stream in Redis. */
import type { Tx } from "../database.js";
import { type Position, START, compare } from "./positions.js";

interface Row {
  ms: bigint;
  n: bigint;
}

/** Keeps how far each consumer group has acknowledged; a position never goes back. */
export async function remember(tx: Tx, stream: string, groups: ReadonlyMap<string, Position>): Promise<void> {
  for (const [group, { ms, n }] of groups)
    await tx.db.$executeRaw`
      INSERT INTO event_cursor AS c (stream, group_name, stream_ms, stream_n) VALUES (${stream}, ${group}, ${ms}, ${n})
      ON CONFLICT (stream, group_name) DO UPDATE SET
        seen_at = now(),
        stream_ms = CASE WHEN (excluded.stream_ms, excluded.stream_n) > (c.stream_ms, c.stream_n)
                         THEN excluded.stream_ms ELSE c.stream_ms END,
        stream_n = CASE WHEN (excluded.stream_ms, excluded.stream_n) > (c.stream_ms, c.stream_n)
                        THEN excluded.stream_n ELSE c.stream_n END`;
  await tx.db.$executeRaw`
    DELETE FROM event_cursor
    WHERE stream = ${stream} AND group_name <> '' AND seen_at < now() - interval '7 days'`;
}

/**
 * The position up to which every known consumer group has acknowledged. `living`: leave out groups that have not moved
 * for a week while there was something to read.
 */
export async function safe(tx: Tx, stream: string, living = false): Promise<Position> {
  const [row] = await tx.db.$queryRaw<Row[]>`
    SELECT stream_ms AS ms, stream_n AS n FROM event_cursor AS c
    WHERE stream = ${stream} AND group_name <> '' AND NOT (
      ${living} AND to_timestamp(stream_ms / 1000.0) < now() - interval '7 days'
      AND EXISTS (SELECT 1 FROM event_cursor AS t WHERE t.stream = ${stream} AND t.group_name = ''
                  AND (t.stream_ms, t.stream_n) > (c.stream_ms, c.stream_n)))
    ORDER BY stream_ms, stream_n LIMIT 1`;
  return row ?? START;
}

/** The highest position ever published to the stream; keeps it. */
export async function highest(tx: Tx, stream: string): Promise<Position> {
  const [top = START] = await tx.db.$queryRaw<Row[]>`
    SELECT ms, n FROM (
      (SELECT stream_ms AS ms, stream_n AS n FROM outbox WHERE stream_ms IS NOT NULL
       ORDER BY stream_ms DESC, stream_n DESC LIMIT 1)
      UNION ALL
      (SELECT stream_ms, stream_n FROM event_cursor WHERE stream = ${stream} AND group_name = '')
    ) AS known ORDER BY ms DESC, n DESC LIMIT 1`;
  if (compare(top, START) > 0) await remember(tx, stream, new Map([["", top]]));
  return top;
}

/** Marks every event published beyond `after` as not published; says how many. */
export async function sendAgain(tx: Tx, after: Position): Promise<number> {
  return tx.db.$executeRaw`
    UPDATE outbox SET published_at = NULL, stream_ms = NULL, stream_n = NULL
    WHERE published_at IS NOT NULL AND (stream_ms, stream_n) > (${after.ms}, ${after.n})`;
}
