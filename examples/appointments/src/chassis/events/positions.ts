/** Positions in a stream, and how far its consumer groups are, as Redis tells it. */
import { type RedisLink, ReplyError, pairs } from "../redis.js";

const MAX_N = 2n ** 63n - 1n;

/** A stream id: milliseconds, and a number within them. */
export interface Position {
  readonly ms: bigint;
  readonly n: bigint;
}

/** Before the first entry. */
export const START: Position = { ms: 0n, n: 0n };

/** After the last entry that can be. */
export const END: Position = { ms: MAX_N, n: MAX_N };

/** Reads `1700000000000-0`. */
export function parsePosition(text: unknown): Position {
  const [ms = "0", n = "0"] = String(text).split("-");
  return { ms: BigInt(ms), n: BigInt(n) };
}

/** Writes a position as Redis reads it. */
export function showPosition({ ms, n }: Position): string {
  return `${ms}-${n}`;
}

/** Negative when `a` is before `b`, 0 when they are the same, positive otherwise. */
export function compare(a: Position, b: Position): number {
  if (a.ms !== b.ms) return a.ms < b.ms ? -1 : 1;
  return a.n === b.n ? 0 : a.n < b.n ? -1 : 1;
}

/** The earlier of two positions. */
export function earlier(a: Position, b: Position): Position {
  return compare(a, b) <= 0 ? a : b;
}

/** The greatest position below `position`. */
export function before({ ms, n }: Position): Position {
  if (n > 0n) return { ms, n: n - 1n };
  return ms > 0n ? { ms: ms - 1n, n: MAX_N } : START;
}

/** The last id that the stream gave out, or undefined when there is no such stream. */
export async function lastGenerated(link: RedisLink, stream: string): Promise<Position | undefined> {
  const info = await ifThere(link.call("XINFO", "STREAM", stream));
  return info ? parsePosition(pairs(info as unknown[])["last-generated-id"]) : undefined;
}

/** For each consumer group, the position up to which it has acknowledged everything. */
export async function acknowledged(link: RedisLink, stream: string): Promise<Map<string, Position>> {
  const found = new Map<string, Position>();
  for (const flat of ((await ifThere(link.call("XINFO", "GROUPS", stream))) ?? []) as unknown[][]) {
    const group = pairs(flat);
    const name = String(group.name);
    let position = parsePosition(group["last-delivered-id"]);
    if (group.pending) {
      const [, oldest] = (await link.call("XPENDING", stream, name)) as [number, string | null];
      if (oldest !== null) position = earlier(position, before(parsePosition(oldest)));
    }
    found.set(name, position);
  }
  return found;
}

async function ifThere(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof ReplyError && /no such key/i.test((error as Error).message)) return undefined;
    throw error;
  }
}
