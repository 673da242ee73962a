/** What PostgreSQL's errors mean, as they come through Prisma and its driver. */
import { reason } from "./logs.js";
import { Problem, Unavailable } from "./problems.js";

interface Told {
  code?: unknown;
  message?: unknown;
  cause?: unknown;
  kind?: unknown;
  originalCode?: unknown;
  originalMessage?: unknown;
  meta?: { driverAdapterError?: unknown; code?: unknown };
}

// Codes of Prisma itself: the server cannot be reached.
const PRISMA_AWAY = new Set(["P1001", "P1002", "P1008", "P1017", "P2024", "P2037"]);
const TRANSACTION = "P2028"; // could not begin, or took too long
const DRIVER_AWAY = new Set(["DatabaseNotReachable", "ConnectionClosed", "SocketTimeout", "TooManyConnections"]);
const SOCKET_AWAY = new Set([
  "ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH",
]); // prettier-ignore
// The driver's errors that have words only: each begins so.
const DRIVER_SAYS = [
  /^Connection terminated(?: unexpectedly| due to connection timeout)?$/,
  /^timeout exceeded when trying to connect$/,
  /^timeout expired$/,
  /^Query read timeout$/,
  /^Client has encountered a connection error and is not queryable$/,
  /^Client was closed and is not queryable$/,
  /^Cannot use a pool after calling end on the pool$/,
];
const CONTENTION = new Set(["40001", "40P01", "55P03"]);
const INTEGRITY: Record<string, [number, string, string]> = {
  "23505": [409, "conflict", "This exists already."],
  "23P01": [409, "conflict", "This would overlap with something that exists."],
  "23503": [409, "conflict", "Something this refers to does not exist, or is still used."],
};

/** The driver's own error below Prisma's, or the error itself. */
function lowest(error: unknown): Told {
  const told = error as Told;
  const inner = (told?.meta?.driverAdapterError ?? told) as Told;
  return ((inner.cause as Told | undefined)?.kind ? inner.cause : inner) as Told;
}

/** The SQLSTATE of a database error, if it is one. */
export function sqlState(error: unknown): string | undefined {
  const { originalCode, code } = lowest(error);
  const found = originalCode ?? code;
  // every SQLSTATE has a digit, EPIPE has none
  return typeof found === "string" && /^(?=.*\d)[0-9A-Z]{5}$/.test(found) && !found.startsWith("P1") && !found.startsWith("P2")
    ? found
    : undefined;
}

/** The words of the database error that name the broken constraint. */
export function breaks(error: unknown, constraint: string): boolean {
  return JSON.stringify([lowest(error), (error as Told)?.message]).includes(constraint);
}

/** Whether the database is away or out of resources: not the statement's fault. */
export function isTransient(error: unknown): boolean {
  if (error instanceof Unavailable) return true;
  const state = sqlState(error);
  if (state) return ["08", "53", "58"].includes(state.slice(0, 2)) || /^57P0[1-4]$/.test(state) || state === "25006";
  if (PRISMA_AWAY.has(String((error as Told)?.code)) || DRIVER_AWAY.has(String(lowest(error).kind))) return true;
  const { code, message } = lowest(error);
  if (code === TRANSACTION) return String(message).includes("Unable to start");
  if (SOCKET_AWAY.has(String(code))) return true;
  const said = reason(lowest(error));
  return error instanceof Error && DRIVER_SAYS.some((words) => words.test(said));
}

/** Whether another transaction was in the way. */
export function isContention(error: unknown): boolean {
  return CONTENTION.has(sqlState(error) ?? "") || (error as Told)?.code === "P2034";
}

/** The problem to answer with, or undefined when the error is the module's own mistake. */
export function problemOf(error: unknown): Problem | undefined {
  const state = sqlState(error) ?? "";
  const retry = { "Retry-After": "1" };
  if (state === "53100")
    return new Problem(507, "storage-full", "The database has no room left on its disk. Nothing was changed.", {}, retry);
  if (isContention(error)) return new Unavailable("Another request holds the same things. Try again.", "contention");
  if (state === "57014" || (error as Told)?.code === TRANSACTION)
    return new Unavailable("The database took too long. Try again.", "timeout");
  if (isTransient(error)) return new Unavailable("The database is not available now. Try again shortly.", "database-unavailable");
  const known = INTEGRITY[state];
  if (known) return new Problem(...known);
  if (state.startsWith("22"))
    return new Problem(422, "invalid-value", "A value is out of the range or alphabet that can be stored.");
  return state.startsWith("23") ? new Problem(422, "invalid-value", "The values do not fit together.") : undefined;
}
