/** A consumer group of this module, over the streams of others: the commands of Redis that it needs. */
import { log, reason } from "../logs.js";
import { type RedisLink, ReplyError } from "../redis.js";

const COUNT = 200;
const IDLE_MS = 10_000;
const CHUNK = 500;

/** An entry of a stream; its fields are null when it was trimmed away meanwhile. */
export interface Entry {
  readonly stream: string;
  readonly id: string;
  readonly fields: readonly unknown[] | null;
}

type Streams = [string, [string, unknown[] | null][]][] | null;

/** `name` is the consuming module, `consumer` this instance. */
export class Group {
  constructor(
    private readonly name: string,
    private readonly consumer: string,
    private readonly reading: RedisLink,
    private readonly commands: RedisLink,
  ) {}

  /** Connects both links. */
  async connect(): Promise<void> {
    await Promise.all([this.reading.connect(), this.commands.connect()]);
  }

  close(): void {
    this.reading.close();
    this.commands.close();
  }

  /** Makes sure the group exists on the streams that exist; returns those. Only its publisher creates a stream. */
  async join(streams: readonly string[]): Promise<string[]> {
    const present: string[] = [];
    for (const stream of streams) {
      const reply = String(await this.reading.call("XGROUP", "CREATE", stream, this.name, "0").catch(refusal));
      if (reply.includes("requires the key to exist")) continue;
      if (reply !== "OK" && !reply.startsWith("BUSYGROUP")) throw new ReplyError(reply);
      if (reply === "OK") log.info("consumer group made", { stream, group: this.name });
      present.push(stream);
    }
    return present;
  }

  /** New entries, waiting up to `blockMs`; undefined when a stream is gone. */
  async fresh(streams: readonly string[], blockMs: number): Promise<Entry[] | undefined> {
    try {
      return await this.read(streams, ">", blockMs);
    } catch (error) {
      if (error instanceof ReplyError && (error as Error).message.startsWith("NOGROUP")) return undefined;
      throw error;
    }
  }

  /** Gives what was delivered to this instance and never acknowledged. */
  async unfinished(stream: string, take: (entries: Entry[]) => Promise<void>): Promise<void> {
    for (let after = "0"; ; ) {
      const entries = await this.read([stream], after, 0);
      const last = entries.at(-1);
      if (!last) return;
      after = last.id;
      await take(entries);
    }
  }

  private async read(streams: readonly string[], after: string, blockMs: number): Promise<Entry[]> {
    const block = blockMs ? ["BLOCK", blockMs] : [];
    const from = ["STREAMS", ...streams, ...streams.map(() => after)];
    const options = ["GROUP", this.name, this.consumer, "COUNT", COUNT, ...block, ...from];
    const reply = (await this.reading.callBlocking(blockMs, "XREADGROUP", ...options)) as Streams;
    return (reply ?? []).flatMap(([stream, entries]) => entries.map(([id, fields]) => ({ stream, id, fields })));
  }

  /** Gives what other instances took and have not touched for a while; it is ours from then on. */
  async abandoned(stream: string, take: (entries: Entry[]) => Promise<void>): Promise<void> {
    await this.commands.connect();
    for (let after = "0-0"; ; ) {
      const options = [this.name, this.consumer, IDLE_MS, after, "COUNT", COUNT];
      const reply = await this.commands.call("XAUTOCLAIM", stream, ...options).catch(noGroup);
      if (!reply) return;
      const [next, entries] = reply as [string, [string, unknown[] | null][]];
      after = next;
      if (entries.length) await take(entries.map(([id, fields]) => ({ stream, id, fields })));
      if (after === "0-0") return;
    }
  }

  /** Keeps entries in hand ours, so that nobody takes them over. */
  async keep(stream: string, ids: readonly string[]): Promise<void> {
    await this.commands.connect();
    for (let at = 0; at < ids.length; at += CHUNK)
      await this.commands
        .call("XCLAIM", stream, this.name, this.consumer, 0, ...ids.slice(at, at + CHUNK), "JUSTID")
        .catch(noGroup);
  }

  /** How often each pending entry was delivered. */
  async deliveries(stream: string, ids: readonly string[]): Promise<Map<string, number>> {
    if (!ids.length) return new Map();
    await this.commands.connect();
    const replies = await this.commands.pipeline(ids.map((id) => ["XPENDING", stream, this.name, id, id, 1] as const));
    const rows = replies.flatMap((reply) => (Array.isArray(reply) ? (reply as [string, string, number, number][]) : []));
    return new Map(rows.map(([id, , , count]) => [id, count]));
  }

  /** Sets how often entries count as delivered, and keeps them ours. */
  async setDeliveries(stream: string, counts: readonly (readonly [string, number])[]): Promise<void> {
    if (!counts.length) return;
    await this.commands.connect();
    const claim = (id: string, count: number) =>
      ["XCLAIM", stream, this.name, this.consumer, 0, id, "RETRYCOUNT", count, "JUSTID"] as const;
    await this.commands.pipeline(counts.map(([id, count]) => claim(id, count)));
  }

  /** Tells Redis; if it is away the events come again later and the inbox drops them. */
  async acknowledge(stream: string, ids: readonly string[]): Promise<void> {
    try {
      await this.commands.connect();
      await this.commands.call("XACK", stream, this.name, ...ids);
    } catch (error) {
      log.info("not acknowledged", { stream, events: ids.length, reason: reason(error) });
    }
  }
}

function refusal(error: unknown): string {
  if (error instanceof ReplyError) return (error as Error).message;
  throw error;
}

function noGroup(error: unknown): undefined {
  if (!/NOGROUP|no such key/.test(refusal(error))) throw error;
}
