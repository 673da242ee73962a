/** Deletes what has served its time: sent events, handled events and stored answers. */
import { Prisma } from "../../.prisma/client.js";
import type { Database } from "../database.js";
import * as cursors from "./cursors.js";
import { streamOf } from "./event.js";
import { END } from "./positions.js";

const CHUNK = 5000;

/** Deletes outbox rows that every consumer acknowledged (7 days), answers (3 days) and inbox rows (14 days). */
export async function expire(database: Database, module: string): Promise<void> {
  const { ms, n } = await database.system(async (tx) => {
    const consumers = await tx.db.eventCursor.count({ where: { groupName: { not: "" } } });
    return consumers ? cursors.safe(tx, streamOf(module), true) : END;
  });
  const old = [
    Prisma.sql`DELETE FROM outbox WHERE seq IN (
      SELECT seq FROM outbox
      WHERE published_at < now() - interval '7 days' AND (stream_ms, stream_n) <= (${ms}, ${n}) LIMIT ${CHUNK})`,
    Prisma.sql`DELETE FROM idempotency WHERE (company_id, key) IN (
      SELECT company_id, key FROM idempotency WHERE created_at < now() - interval '3 days' LIMIT ${CHUNK})`,
    Prisma.sql`DELETE FROM inbox WHERE event_id IN (
      SELECT event_id FROM inbox WHERE state = 'done' AND received_at < now() - interval '14 days' LIMIT ${CHUNK})`,
  ];
  for (const statement of old)
    for (let deleted = CHUNK; deleted === CHUNK; )
      deleted = await database.system((tx) => tx.db.$executeRaw(statement));
}
