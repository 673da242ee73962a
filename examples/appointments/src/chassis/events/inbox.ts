/** The inbox: each event's effect happens once; what cannot be handled is put aside with its error. */
import { Prisma } from "../../.prisma/client.js";
import type { Database, Tx } from "../database.js";
import { log } from "../logs.js";
import { isTransient } from "../pg_errors.js";
import { begin, within } from "../tracing.js";
import type { Event, Handler, Handlers } from "./event.js";
import type { Item } from "./item.js";

const HELD = 50;

/** The handler of an event, if there is one. */
export function handlerOf(handlers: Handlers, event: Event): Handler | undefined {
  return handlers[event.module]?.[event.type];
}

/** Handles an event in one transaction with its row in the inbox. Says false when it was handled before. */
export async function handleOnce(database: Database, handlers: Handlers, event: Event): Promise<boolean> {
  return database.write(event.company, async (tx) => {
    const taken = await tx.db.inbox.createMany({ data: [rowOf(event)], skipDuplicates: true });
    if (taken.count) await callHandler(tx, handlers, event);
    return taken.count > 0;
  });
}

async function callHandler(tx: Tx, handlers: Handlers, event: Event): Promise<void> {
  const { context, end } = begin(`handle ${event.type}`, "consumer", event.trace);
  const about = { "messaging.message.id": event.id };
  try {
    await within(context, async () => handlerOf(handlers, event)?.(tx, event));
    end(about);
  } catch (error) {
    end(about, error);
    throw error;
  }
}

function rowOf({ id, module, type, company, entity }: Event) {
  return { eventId: id, module, type, companyId: company, entityId: entity };
}

/** Puts an event aside: `state = 'failed'`, with its error and what is needed to handle it later. */
export async function park(database: Database, { event, attempts, error }: Item): Promise<void> {
  const payload = { occurred_at: event.at, trace: event.trace ?? null, data: event.data };
  const row = {
    ...rowOf(event),
    state: "failed",
    attempts,
    error: storable(error),
    payload: payload as Prisma.InputJsonObject,
  };
  await database.write(event.company, (tx) => tx.db.inbox.createMany({ data: [row], skipDuplicates: true }));
}

/** How many events of all companies are put aside. */
export async function parked(tx: Tx): Promise<number> {
  return tx.db.inbox.count({ where: { state: { not: "done" } } });
}

/** Handles the parked events that somebody asked to have handled anew (`state = 'retry'`). */
export async function retryParked(database: Database, handlers: Handlers): Promise<void> {
  const asked = await database.system((tx) =>
    tx.db.inbox.findMany({ where: { state: "retry" }, orderBy: { receivedAt: "asc" }, take: HELD }),
  );
  for (const row of asked) await retryOne(database, handlers, row);
}

async function retryOne(database: Database, handlers: Handlers, row: Prisma.InboxGetPayload<object>): Promise<void> {
  const { eventId } = row;
  try {
    await database.write(row.companyId, async (tx) => {
      const [free] = await tx.db.$queryRaw<object[]>`
        SELECT 1 AS free FROM inbox WHERE event_id = ${eventId}::uuid AND state = 'retry' FOR UPDATE SKIP LOCKED`;
      if (!free) return;
      await callHandler(tx, handlers, eventOf(row));
      const data = { state: "done", error: null, payload: Prisma.DbNull, attempts: { increment: 1 } };
      await tx.db.inbox.update({ where: { eventId }, data });
      log.info("parked event handled", { event: eventId });
    });
  } catch (error) {
    if (isTransient(error)) throw error;
    log.warning("parked event failed again", { event: eventId, error: String(error) });
    const data = { state: "failed", error: storable(String(error)), attempts: { increment: 1 } };
    const where = { eventId, state: "retry" }; // another instance may have handled it meanwhile
    await database.write(row.companyId, (tx) => tx.db.inbox.updateMany({ where, data }));
  }
}

function storable(error: string): string {
  return error.replaceAll("\0", "").slice(0, 2000);
}

function eventOf(row: Prisma.InboxGetPayload<object>): Event {
  const kept = row.payload as { occurred_at: string; trace: string | null; data: Record<string, unknown> };
  const { eventId: id, module, type, companyId: company, entityId: entity } = row;
  return { id, module, type, company, entity, at: kept.occurred_at, data: kept.data, trace: kept.trace ?? undefined };
}
