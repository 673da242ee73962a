/** What the CRM tells about customers. Events may come late, twice, or before what they build on. */
import { z } from "zod";
import type { Tx } from "../chassis/database.js";
import { type Event, type Handlers, NotYet } from "../chassis/events/event.js";

const uuid = z.guid().toLowerCase();
const told = z.object({ customer_id: uuid, name: z.string(), status: z.enum(["active", "inactive", "merged"]) });
const merge = z.object({ customer_id: uuid, duplicate_id: uuid });

/** customer.created, customer.updated: the latest word counts; a merged customer stays merged. */
async function known(tx: Tx, event: Event): Promise<void> {
  const { customer_id, name, status } = told.parse(event.data);
  if (status === "merged") return; // customer.merged tells into which
  await tx.db.$executeRaw`
    INSERT INTO customers AS c (company_id, id, name, status, told_at)
    VALUES (${event.company}::uuid, ${customer_id}::uuid, ${name}, ${status}, ${event.at}::timestamptz)
    ON CONFLICT (company_id, id) DO UPDATE SET name = excluded.name, told_at = excluded.told_at,
      status = CASE WHEN c.status = 'merged' THEN 'merged' ELSE excluded.status END
    WHERE excluded.told_at > c.told_at`;
}

/** customer.merged: what the duplicate has is the kept customer's from now on. */
async function merged(tx: Tx, event: Event): Promise<void> {
  const { customer_id, duplicate_id: duplicate } = merge.parse(event.data);
  const rows = await tx.db.$queryRaw<{ id: string; merged_into: string | null }[]>`
    SELECT id, merged_into FROM customers WHERE id IN (${customer_id}::uuid, ${duplicate}::uuid) ORDER BY id FOR UPDATE`;
  const kept = rows.find((row) => row.id === customer_id)?.merged_into ?? customer_id;
  if (rows.length < 2) throw new NotYet("one of the two customers is not known yet");
  const companyId = event.company;
  await tx.db.customer.update({
    where: { companyId_id: { companyId, id: duplicate } },
    data: { status: "merged", mergedInto: kept },
  });
  await tx.db.customer.updateMany({ where: { companyId, mergedInto: duplicate }, data: { mergedInto: kept } });
  await tx.db.appointment.updateMany({ where: { companyId, customerId: duplicate }, data: { customerId: kept } });
}

/** The events of other modules that appointments hears. */
export const handlers: Handlers = {
  crm: { "customer.created": known, "customer.updated": known, "customer.merged": merged },
};
