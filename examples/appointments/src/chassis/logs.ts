/** Logs: one JSON object per line on stdout, the same members for every line. */
import { current, spanId, traceId } from "./tracing.js";

type Fields = Record<string, unknown>;

let who: Fields = {};

/** Names the instance in every line from now on. */
export function logAs(service: string, release: string, instance: string): void {
  who = { service, release, instance };
}

function write(level: string, message: string, fields: Fields): void {
  const context = current();
  const line = { ts: new Date().toISOString(), level, ...who, message, trace_id: traceId(context), span_id: spanId(context) };
  process.stdout.write(`${JSON.stringify({ ...line, ...fields }, plain)}\n`);
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Error ? (value.stack ?? value.message) : value;
}

/** The module's log. */
export const log = {
  info: (message: string, fields: Fields = {}) => write("info", message, fields),
  warning: (message: string, fields: Fields = {}) => write("warning", message, fields),
  error: (message: string, fields: Fields = {}) => write("error", message, fields),
};

/** What an error says, without its stack. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message.trim().split("\n").at(-1) || error.name : String(error);
}
