// Parts of the chassis that need no server. BUILD names the folder of a build.
import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const build = pathToFileURL(`${process.env.BUILD}/`);
const load = (name) => import(new URL(`dist/${name}.js`, build));

const { decodeCursor, encodeCursor, page } = await load("chassis/paging");
const { place } = await load("appointments/schemas");
const { holds } = await load("chassis/auth");
const { before, compare, parsePosition, showPosition, START } = await load("chassis/events/positions");
const { Item } = await load("chassis/events/item");
const { NotYet } = await load("chassis/events/event");
const { begin } = await load("chassis/tracing");
const { isTransient, problemOf } = await load("chassis/pg_errors");
const { readSettings } = await load("chassis/settings");

test("a cursor comes back as it was, and a made-up one is refused", () => {
  const at = ["2031-05-01T12:00:00.000Z", "0199aaaa-0000-7000-8000-000000000001"];
  assert.deepEqual(decodeCursor(encodeCursor(at), place), at);
  for (const wrong of ["", "x", encodeCursor(["yesterday", at[1]]), encodeCursor([at[0]])])
    assert.throws(() => decodeCursor(wrong, place), { status: 404 });
});

test("a page tells of the next one only when there is more", () => {
  const rows = ["a", "b", "c"];
  const own = (row) => row;
  assert.deepEqual(page(rows, 3, own, own), { items: rows, next: null });
  assert.deepEqual(page(rows, 2, (row) => [row], own), { items: ["a", "b"], next: encodeCursor(["b"]) });
});

test("a permission is held by name or by a wildcard above it", () => {
  for (const held of ["*", "appointments.*", "appointments.read"])
    assert.ok(holds(new Set([held]), "appointments.read"), held);
  for (const held of ["appointments", "appointments.write", "appoint*", "crm.*", "appointments.read.*"])
    assert.ok(!holds(new Set([held]), "appointments.read"), held);
});

test("positions are ordered as Redis orders ids", () => {
  const texts = ["0-1", "9-9", "10-0", "10-2", "10-10"];
  const shuffled = [...texts].reverse().map(parsePosition);
  assert.deepEqual(shuffled.sort(compare).map(showPosition), texts);
  assert.equal(showPosition(before(parsePosition("10-0"))), `9-${2n ** 63n - 1n}`);
  assert.equal(compare(before(START), START), 0);
});

test("a failing event is tried ten times, ever more slowly; one that is early for longer", () => {
  const failing = new Item("s", "1-0", {});
  const pauses = Array.from({ length: 10 }, () => failing.failed(new Error("no")));
  assert.deepEqual(pauses, [200, 500, 1000, 2000, 2000, 2000, 2000, 2000, 2000, undefined]);
  const early = new Item("s", "1-0", {});
  for (let tries = 0; tries < 50; tries += 1) assert.ok(early.failed(new NotYet("wait")));
});

test("a trace goes on below a valid traceparent and begins anew otherwise", () => {
  const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const { context } = begin("work", "server", parent, "request-17");
  assert.equal(context.traceparent.slice(0, 36), parent.slice(0, 36));
  assert.notEqual(context.traceparent.slice(36, 52), parent.slice(36, 52));
  assert.equal(context.requestId, "request-17");
  for (const wrong of [`00-${"0".repeat(32)}-00f067aa0ba902b7-01`, "nonsense"])
    assert.match(begin("work", "server", wrong, "no").context.traceparent, /^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});

test("settings name the variable that is wrong", () => {
  assert.throws(() => readSettings("a", { PORT: "eighty" }), /PORT='eighty' is not a port number/);
  assert.throws(() => readSettings("a", { NEXUS_DRAIN: "soon" }), /NEXUS_DRAIN='soon' is no number of seconds/);
  assert.equal(readSettings("a", { NEXUS_DRAIN: "0.5" }).drainMs, 500);
  assert.deepEqual(readSettings("a", { NEXUS_CONTRACTS: "1_a  2_b" }).contracts, ["1_a", "2_b"]);
  assert.deepEqual(readSettings("a", {}).contracts, []);
  assert.throws(() => readSettings("a", {}).secret("redis_url"), /REDIS_URL_FILE was not given/);
  assert.throws(() => readSettings("a", { REDIS_URL_FILE: "/nowhere" }).secret("redis_url"), /REDIS_URL_FILE=\/nowhere/);
});

test("an instance without a name is called after its host, so that no two replicas share one", () => {
  for (const env of [{}, { NEXUS_INSTANCE: "" }]) assert.equal(readSettings("a", env).instance, `a-${hostname()}`);
  assert.equal(readSettings("a", { NEXUS_INSTANCE: "a-7" }).instance, "a-7");
});

test("only an absent database is taken for one: mistakes are not tried for ever", () => {
  const coded = (code) => Object.assign(new Error("no"), { code });
  for (const code of ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"])
    assert.ok(isTransient(coded(code)), code);
  for (const words of ["Connection terminated unexpectedly", "timeout exceeded when trying to connect", "Query read timeout"])
    assert.equal(problemOf(new Error(words))?.status, 503, words);
  const syntax = new SyntaxError("Unexpected token 'x', \"x\" is not valid JSON");
  for (const mistake of [syntax, new Error("an unexpected state"), coded("ENOENT"), coded("EACCES"), coded("EINVAL")])
    assert.deepEqual([isTransient(mistake), problemOf(mistake)], [false, undefined], String(mistake));
});
