/** The HTTP face of appointments. */
import type { Prisma } from "../.prisma/client.js";
import type { Database } from "../chassis/database.js";
import { writeOnce } from "../chassis/idempotency.js";
import { type AnyOperation, operation } from "../chassis/operations.js";
import { decodeCursor, page } from "../chassis/paging.js";
import type { z } from "zod";
import { LONGEST_MS, book, cancel, confirm, find, show, withCustomer } from "./booking.js";
import { appointment, appointments, cancellation, listQuery, newAppointment, one, place } from "./schemas.js";

const READ = ["appointments.read"];
const WRITE = ["appointments.write"];

/** The operations on `database`. */
export function operations(database: Database): AnyOperation[] {
  return [
    operation({
      method: "get",
      path: "/api/appointments",
      summary: "Appointments in the order of their start.",
      permissions: READ,
      shapes: { query: listQuery },
      answers: { 200: appointments },
      async handle({ who, query }) {
        const rows = await database.read(who.company, (tx) =>
          tx.db.appointment.findMany({
            where: { companyId: who.company, AND: conditions(query) },
            orderBy: [{ startsAt: "asc" }, { id: "asc" }],
            take: query.limit + 1,
            include: withCustomer,
          }),
        );
        return { status: 200, body: page(rows, query.limit, (row) => [row.startsAt.toISOString(), row.id], show) };
      },
    }),
    operation({
      method: "post",
      path: "/api/appointments",
      summary: "Books an appointment for a customer.",
      permissions: WRITE,
      shapes: { body: newAppointment },
      answers: { 201: appointment },
      handle: ({ who, idempotency, body }) =>
        writeOnce(database, who, idempotency, async (tx) => ({ status: 201, body: await book(tx, who, body) })),
    }),
    operation({
      method: "get",
      path: "/api/appointments/{id}",
      summary: "One appointment.",
      permissions: READ,
      shapes: { params: one },
      answers: { 200: appointment },
      async handle({ who, params }) {
        return { status: 200, body: show(await database.read(who.company, (tx) => find(tx, who, params.id))) };
      },
    }),
    operation({
      method: "post",
      path: "/api/appointments/{id}/confirm",
      summary: "Confirms a booked appointment.",
      permissions: WRITE,
      shapes: { params: one },
      answers: { 200: appointment },
      handle: ({ who, idempotency, params }) =>
        writeOnce(database, who, idempotency, async (tx) => ({ status: 200, body: await confirm(tx, who, params.id) })),
    }),
    operation({
      method: "post",
      path: "/api/appointments/{id}/cancel",
      summary: "Cancels an appointment; what it took is free again.",
      permissions: WRITE,
      shapes: { params: one, body: cancellation },
      answers: { 200: appointment },
      handle: ({ who, idempotency, params, body }) =>
        writeOnce(database, who, idempotency, async (tx) => ({
          status: 200,
          body: await cancel(tx, who, params.id, body.reason),
        })),
    }),
  ];
}

function conditions(query: z.output<typeof listQuery>): Prisma.AppointmentWhereInput[] {
  const wanted: Prisma.AppointmentWhereInput[] = [];
  if (query.from) {
    const from = new Date(query.from);
    // what ends after it started less than a day before it: the index on the start finds those
    wanted.push({ endsAt: { gt: from }, startsAt: { gt: new Date(from.getTime() - LONGEST_MS) } });
  }
  if (query.to) wanted.push({ startsAt: { lt: new Date(query.to) } });
  if (query.resource !== undefined) wanted.push({ resource: query.resource });
  if (query.customer_id) wanted.push({ customerId: query.customer_id });
  if (query.state) wanted.push({ state: query.state });
  if (query.cursor !== undefined) {
    const [start, id] = decodeCursor(query.cursor, place);
    const startsAt = new Date(start);
    wanted.push({ OR: [{ startsAt: { gt: startsAt } }, { startsAt, id: { gt: id } }] });
  }
  return wanted;
}
