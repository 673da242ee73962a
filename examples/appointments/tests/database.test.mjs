// What instances of one module share in its database, and what they take for its absence.
// BUILD names the folder of a build, DATABASE_URL_FILE a migrated database.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

const build = pathToFileURL(`${process.env.BUILD}/`);
const load = (name) => import(new URL(`dist/chassis/${name}.js`, build));
const { Database } = await load("database");
const { retryParked } = await load("events/inbox");
const { isTransient } = await load("pg_errors");

const url = readFileSync(process.env.DATABASE_URL_FILE, "utf8").trim();
const first = new Database(url, "clinic", "clinic-1");
const second = new Database(url, "clinic", "clinic-2");
after(() => Promise.all([first.close(), second.close()]));

const company = randomUUID();
const found = (eventId) => first.read(company, (tx) => tx.db.inbox.findUnique({ where: { eventId } }));

/** Parks an event and asks to have it handled anew. */
async function asked() {
  const payload = { occurred_at: "2031-05-01T12:00:00+00:00", trace: null, data: {} };
  const about = { companyId: company, entityId: randomUUID(), module: "crm", type: "told" };
  const data = { ...about, eventId: randomUUID(), state: "retry", error: "e", payload };
  await first.write(company, (tx) => tx.db.inbox.create({ data }));
  return data.eventId;
}

test("one instance leads at a time, and may take its time between two statements", async () => {
  const led = await first.leading("work", async (tx) => {
    assert.equal(await second.leading("work", async () => "both"), undefined);
    assert.equal(await second.leading("other work", async () => "side by side"), "side by side");
    const [limit] = await tx.db.$queryRaw`SELECT current_setting('idle_in_transaction_session_timeout') AS idle`;
    return limit.idle;
  });
  assert.equal(led, "0");
  assert.equal(await second.leading("work", async () => "in turn"), "in turn");
});

test("a parked event that another instance handles after a failure here stays handled", async () => {
  const eventId = await asked();
  class Overtaken extends Database {
    async write(...args) {
      return super.write(...args).catch(async (error) => {
        await retryParked(second, { crm: { told: async () => undefined } });
        throw error;
      });
    }
  }
  const here = new Overtaken(url, "clinic", "clinic-3");
  const told = () => Promise.reject(new Error("only here"));
  await retryParked(here, { crm: { told } }).finally(() => here.close());
  assert.deepEqual([(await found(eventId)).state, (await found(eventId)).error], ["done", null]);
});

test("a parked event that fails again is put aside again, whatever its error says", async () => {
  const eventId = await asked();
  await retryParked(first, { crm: { told: () => Promise.reject(new Error("a\0b")) } });
  const { state, error } = await found(eventId);
  assert.deepEqual({ state, error }, { state: "failed", error: "Error: ab" });
});

test("a database that cannot be reached counts as absent", async () => {
  const away = new URL(url);
  away.port = "9";
  const nowhere = new Database(away.href, "clinic", "clinic-4");
  await assert.rejects(nowhere.system(async () => undefined), isTransient);
  await nowhere.close();
});

test("a lost connection counts as absent, a mistake in a statement does not", async () => {
  const cut = first.system((tx) => tx.db.$queryRaw`SELECT 1 FROM (SELECT pg_terminate_backend(pg_backend_pid())) AS own`);
  await assert.rejects(cut, isTransient);
  const mistake = first.system((tx) => tx.db.$queryRaw`SELECT unexpected FROM nowhere`);
  await assert.rejects(mistake, (error) => !isTransient(error));
});
