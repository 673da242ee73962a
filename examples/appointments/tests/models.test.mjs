// Every model of prisma/schema.prisma writes to and reads from the tables that the migrations make.
// BUILD names the folder of a build, DATABASE_URL_FILE a migrated database.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

const build = pathToFileURL(`${process.env.BUILD}/`);
const { Database } = await import(new URL("dist/chassis/database.js", build));
const { Prisma } = await import(new URL("dist/.prisma/client.js", build));

const database = new Database(readFileSync(process.env.DATABASE_URL_FILE, "utf8").trim(), "appointments", "models-test");
after(() => database.close());

const companyId = randomUUID();
const now = new Date("2031-05-01T12:00:00.123Z");
const customer = { companyId, id: randomUUID(), name: "Ana", status: "active", mergedInto: null, toldAt: now };
const rows = {
  customer,
  appointment: {
    companyId, id: randomUUID(), customerId: customer.id, resource: "room", startsAt: now,
    endsAt: new Date(now.getTime() + 60_000), state: "cancelled", notes: "n", cancelReason: "r",
    bookedBy: randomUUID(), createdAt: now, updatedAt: now,
  },
  outbox: {
    id: randomUUID(), type: "t", entityId: randomUUID(), companyId, occurredAt: now, data: { a: [1] }, trace: "x",
    publishedAt: now, streamMs: 2n ** 60n, streamN: 7n,
  },
  inbox: {
    eventId: randomUUID(), module: "m", type: "t", companyId, entityId: randomUUID(), state: "failed", attempts: 3,
    error: "e", payload: { b: "c" }, receivedAt: now,
  },
  eventCursor: { stream: "s", groupName: randomUUID(), streamMs: 1n, streamN: 2n, seenAt: now },
  idempotency: {
    companyId, key: "k", requestHash: "h", status: 201, headers: { x: "y" }, body: new Uint8Array([1, 2]), createdAt: now,
  },
}; // prettier-ignore

test("the rows cover every model and every field", () => {
  const models = Object.keys(Prisma.ModelName).map((name) => name[0].toLowerCase() + name.slice(1));
  assert.deepEqual(Object.keys(rows).sort(), models.sort());
  for (const [model, row] of Object.entries(rows)) {
    const fields = Object.keys(Prisma[`${model[0].toUpperCase()}${model.slice(1)}ScalarFieldEnum`]);
    assert.deepEqual(Object.keys(row).sort(), fields.filter((name) => name !== "seq").sort(), model);
  }
});

for (const [model, row] of Object.entries(rows))
  test(`${model} is stored and read back`, async () => {
    const made = await database.write(companyId, (tx) => tx.db[model].create({ data: row }));
    const where = Object.fromEntries(Object.entries(made).filter(([, value]) => typeof value !== "object"));
    const { seq: _, ...found } = await database.read(companyId, (tx) => tx.db[model].findFirst({ where }));
    assert.deepEqual(JSON.parse(show(found)), JSON.parse(show(row)));
  });

test("another company sees none of it, and a read-only transaction changes nothing", async () => {
  const seen = await database.read(randomUUID(), (tx) => tx.db.customer.count());
  assert.equal(seen, 0);
  const write = database.read(companyId, (tx) => tx.db.customer.updateMany({ data: { name: "Eva" } }));
  await assert.rejects(write, /read-only transaction/);
});

function show(row) {
  return JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}` : value));
}
