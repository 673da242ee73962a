/** What travels over HTTP, described once: validation, types and OpenAPI follow from it. */
import { z } from "zod";
import { pageOf, pagingQuery } from "../chassis/paging.js";

const time = z.iso.datetime({ offset: true });
const uuid = z.guid().toLowerCase();
const line = (most: number) => z.string().trim().min(1).max(most);

/** The states of an appointment. */
export const state = z.enum(["booked", "confirmed", "cancelled"]);

/** A wish for an appointment. */
export const newAppointment = z.object({
  customer_id: uuid.describe("A customer that the CRM has told of."),
  resource: line(100).describe("Who or what is taken: an attendant, a room, a machine."),
  starts_at: time,
  ends_at: time.describe("After the start, at most 24 hours later."),
  notes: z.string().max(2000).default(""),
});

/** Why an appointment is cancelled. */
export const cancellation = z.object({ reason: line(500) });

/** An appointment as it is shown. */
export const appointment = z.object({
  id: z.guid(),
  customer_id: z.guid(),
  customer_name: z.string(),
  resource: z.string(),
  starts_at: time,
  ends_at: time,
  state,
  notes: z.string(),
  cancel_reason: z.string().nullable(),
  created_at: time,
});

export type Appointment = z.infer<typeof appointment>;

/** A page of appointments. */
export const appointments = pageOf(appointment);

/** What a list can be narrowed to. */
export const listQuery = pagingQuery.extend({
  from: time.optional().describe("Those that end after this time."),
  to: time.optional().describe("Those that start before this time."),
  resource: z.string().max(100).optional(),
  customer_id: uuid.optional(),
  state: state.optional(),
});

/** Names one appointment. */
export const one = z.object({ id: uuid });

/** The place of an appointment in a list. */
export const place = z.tuple([z.iso.datetime(), z.guid()]);
