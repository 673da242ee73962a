/** The module's own question: are appointments taken care of in time? */
import type { Tx } from "../chassis/database.js";
import type { Business } from "../chassis/health.js";

const DAY_MS = 24 * 3600 * 1000;

/** Numbers over all companies. */
export async function business(tx: Tx): Promise<Business> {
  const now = new Date();
  const tomorrow = new Date(now.getTime() + DAY_MS);
  const open = { state: "booked" };
  return {
    numbers: {
      appointments_overdue: await tx.db.appointment.count({ where: { ...open, startsAt: { lt: now } } }),
      appointments_unconfirmed: await tx.db.appointment.count({
        where: { ...open, startsAt: { gte: now, lt: tomorrow } },
      }),
      customers_known: await tx.db.customer.count({ where: { status: { not: "merged" } } }),
    },
  };
}
