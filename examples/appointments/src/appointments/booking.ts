/** The rules of appointments: who may have one, what may not overlap, what may follow what. */
import type { Prisma } from "../.prisma/client.js";
import type { Person } from "../chassis/auth.js";
import type { Tx } from "../chassis/database.js";
import { breaks, sqlState } from "../chassis/pg_errors.js";
import { Problem, invalid } from "../chassis/problems.js";
import type { z } from "zod";
import type { Appointment, newAppointment } from "./schemas.js";

/** How long an appointment lasts at most; the table holds that too. */
export const LONGEST_MS = 24 * 3600 * 1000;
const OVERLAP = "appointments_do_not_overlap";
const EXCLUSION_VIOLATION = "23P01";

/** Fetches an appointment with the name of its customer. */
export const withCustomer = { customer: { select: { name: true } } } as const;

type Row = Prisma.AppointmentGetPayload<{ include: typeof withCustomer }>;

/** An appointment as it is shown. */
export function show(row: Row): Appointment {
  return {
    id: row.id,
    customer_id: row.customerId,
    customer_name: row.customer.name,
    resource: row.resource,
    starts_at: row.startsAt.toISOString(),
    ends_at: row.endsAt.toISOString(),
    state: row.state as Appointment["state"],
    notes: row.notes,
    cancel_reason: row.cancelReason,
    created_at: row.createdAt.toISOString(),
  };
}

/** Books an appointment. Throws problems: 422 for an unknown or merged customer, 409 when the resource is taken. */
export async function book(tx: Tx, who: Person, wanted: z.output<typeof newAppointment>): Promise<Appointment> {
  const startsAt = new Date(wanted.starts_at);
  const endsAt = new Date(wanted.ends_at);
  refuseBadTimes(startsAt, endsAt);
  await refuseStrangers(tx, wanted.customer_id);
  const { customer_id: customerId, resource, notes } = wanted;
  const data = { companyId: who.company, customerId, resource, startsAt, endsAt, notes, bookedBy: who.user };
  let row: Row;
  try {
    row = await tx.db.appointment.create({ data, include: withCustomer });
  } catch (error) {
    if (sqlState(error) === EXCLUSION_VIOLATION || breaks(error, OVERLAP))
      throw new Problem(409, "already-booked", `${resource} has another appointment in that time.`, { field: "starts_at" });
    throw error;
  }
  const { id, starts_at, ends_at } = show(row);
  await tx.events.publish("appointment.booked", id, { appointment_id: id, customer_id: customerId, resource, starts_at, ends_at });
  return show(row);
}

function refuseBadTimes(startsAt: Date, endsAt: Date): void {
  const lasts = endsAt.getTime() - startsAt.getTime();
  if (lasts > 0 && lasts <= LONGEST_MS) return;
  const message = lasts > 0 ? "is more than 24 hours after the start" : "is not after the start";
  throw invalid([{ field: "body.ends_at", message, code: "bad_duration" }]);
}

/** The customer's row stays shared-locked until the end, so that a merge cannot slip in between. */
async function refuseStrangers(tx: Tx, customerId: string): Promise<void> {
  const field = "body.customer_id";
  const [customer] = await tx.db.$queryRaw<{ status: string; merged_into: string | null }[]>`
    SELECT status, merged_into FROM customers WHERE id = ${customerId}::uuid FOR SHARE`;
  if (!customer)
    throw invalid([{ field, message: "is not a customer that the CRM has told of (yet)", code: "unknown" }], "unknown-customer");
  if (customer.status === "merged")
    throw invalid([{ field, message: `was merged into ${customer.merged_into}`, code: "merged" }], "customer-merged");
}

/** Confirms an appointment that is booked. Throws problems 404 and 409. */
export async function confirm(tx: Tx, who: Person, id: string): Promise<Appointment> {
  const row = await locked(tx, who, id);
  if (row.state === "confirmed") return show(row);
  if (row.state === "cancelled") throw new Problem(409, "cancelled", "This appointment was cancelled.");
  return change(tx, row, { state: "confirmed" });
}

/** Cancels an appointment; the resource is free again. Throws problems 404 and 409. */
export async function cancel(tx: Tx, who: Person, id: string, reason: string): Promise<Appointment> {
  const row = await locked(tx, who, id);
  if (row.state === "cancelled") throw new Problem(409, "cancelled", "This appointment was cancelled before.");
  const shown = await change(tx, row, { state: "cancelled", cancelReason: reason });
  const { customer_id, resource } = shown;
  await tx.events.publish("appointment.cancelled", id, { appointment_id: id, customer_id, resource, reason });
  return shown;
}

async function locked(tx: Tx, who: Person, id: string): Promise<Row> {
  await tx.db.$queryRaw`SELECT 1 AS locked FROM appointments WHERE company_id = ${who.company}::uuid AND id = ${id}::uuid FOR UPDATE`;
  return find(tx, who, id);
}

async function change(tx: Tx, { companyId, id }: Row, data: Prisma.AppointmentUncheckedUpdateInput): Promise<Appointment> {
  const where = { companyId_id: { companyId, id } };
  return show(await tx.db.appointment.update({ where, data: { ...data, updatedAt: new Date() }, include: withCustomer }));
}

/** One appointment of the company. Throws a 404 problem. */
export async function find(tx: Tx, who: Person, id: string): Promise<Row> {
  const where = { companyId_id: { companyId: who.company, id } };
  const row = await tx.db.appointment.findUnique({ where, include: withCustomer });
  if (!row) throw new Problem(404, "no-such-appointment", "There is no such appointment in this company.");
  return row;
}
