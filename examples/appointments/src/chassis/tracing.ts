/** W3C trace context and request ids: taken in, carried through asynchronous work, handed out. */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const REQUEST_ID = /^[A-Za-z0-9._:-]{8,128}$/;

/** What a piece of work belongs to. */
export interface Context {
  readonly traceparent: string;
  readonly requestId: string;
}

/** A span that was begun; `end` records how it went, and its final `name` when that is known only then. */
export interface Span {
  readonly traceparent: string;
  end(attributes: Record<string, string | number>, error?: unknown, name?: string): void;
}

/** Records spans; there is none unless an OTLP endpoint is set. */
export interface Recorder {
  begin(name: string, kind: "server" | "consumer", parent: string | undefined): Span;
  stop(): Promise<void>;
}

const contexts = new AsyncLocalStorage<Context>();
let recorder: Recorder | undefined;

/** Records spans with `wanted` from now on. */
export function recordWith(wanted: Recorder): void {
  recorder = wanted;
}

/** Hands over what is recorded and not yet sent. */
export async function stopRecording(): Promise<void> {
  await recorder?.stop();
}

/** The context of the running work, if any. */
export function current(): Context | undefined {
  return contexts.getStore();
}

/** Runs `work` in `context`. */
export function within<T>(context: Context, work: () => T): T {
  return contexts.run(context, work);
}

/** The trace id (32 hexadecimal digits) of a context. */
export function traceId(context: Context | undefined): string | null {
  return context?.traceparent.slice(3, 35) ?? null;
}

/** The span id (16 hexadecimal digits) of a context. */
export function spanId(context: Context | undefined): string | null {
  return context?.traceparent.slice(36, 52) ?? null;
}

/** Begins work below `traceparent` when that is valid, else in a new trace; `unrecorded` work has ids alone. */
export function begin(
  name: string,
  kind: "server" | "consumer",
  traceparent?: string | null,
  requestId?: string,
  unrecorded = false,
): { context: Context; end: Span["end"] } {
  const parent = traceparent && TRACEPARENT.test(traceparent) ? traceparent : undefined;
  const span = unrecorded ? undefined : recorder?.begin(name, kind, parent);
  const trace = span?.traceparent ?? child(parent);
  const id = requestId && REQUEST_ID.test(requestId) ? requestId : trace.slice(3, 35);
  return { context: { traceparent: trace, requestId: id }, end: span?.end ?? (() => undefined) };
}

function child(parent: string | undefined): string {
  const span = randomBytes(8).toString("hex");
  if (parent) return `${parent.slice(0, 36)}${span}${parent.slice(-3)}`;
  return `00-${randomBytes(16).toString("hex")}-${span}-01`;
}
