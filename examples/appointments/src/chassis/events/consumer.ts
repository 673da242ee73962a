/** The consumer reads the streams of other modules as a member of this module's group. */
import type { Database } from "../database.js";
import { log, reason } from "../logs.js";
import type { Metrics } from "../metrics.js";
import { Bell } from "../pauses.js";
import { RedisDown, type RedisLink, ReplyError } from "../redis.js";
import { type Handlers, readEvent, streamOf } from "./event.js";
import { Group, type Entry } from "./group.js";
import { handlerOf } from "./inbox.js";
import { Item } from "./item.js";
import { Work } from "./work.js";

const BLOCK_MS = 2000;
const JOIN_MS = 1000;
const CLAIM_MS = 5000;
const SUSPECT_DELIVERIES = 5;
const MAX_DELIVERIES = 20;

/** Reads and hands over to `Work`; takes over what dead instances left unacknowledged. */
export class Consumer {
  private readonly modules: ReadonlyMap<string, string>;
  private readonly work: Work;
  private readonly group: Group;
  private readonly stopping = new AbortController();
  private readonly pauses = [new Bell(), new Bell()] as const;

  constructor(
    group: string,
    instance: string,
    database: Database,
    link: (purpose: string) => RedisLink,
    private readonly handlers: Handlers,
    private readonly metrics: Metrics,
  ) {
    this.group = new Group(group, instance, link("events"), link("acks"));
    this.modules = new Map(Object.keys(handlers).map((module) => [streamOf(module), module]));
    this.work = new Work(database, handlers, metrics, (stream, entries) => this.group.acknowledge(stream, entries));
  }

  /** Consumes until `stop`; outlives outages of Redis. */
  async run(): Promise<void> {
    const [reading, claiming] = this.pauses;
    await Promise.all([
      this.forever("reader", reading, () => this.read(reading)),
      this.forever("claims", claiming, () => this.claim(claiming)),
    ]);
  }

  /** Takes no more events and finishes those in hand, at most `graceMs` long. */
  async stop(graceMs: number): Promise<void> {
    this.stopping.abort();
    for (const bell of this.pauses) bell.ring();
    await this.work.stop(graceMs);
    this.group.close();
  }

  private async forever(name: string, bell: Bell, work: () => Promise<void>): Promise<void> {
    let pause = 100;
    while (!this.stopping.signal.aborted) {
      try {
        await work();
        pause = 100;
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        const redis = error instanceof RedisDown || error instanceof ReplyError;
        if (!redis) log.error(`event ${name} failed`, { error });
        else if (pause === 100) log.warning(`event ${name} wait for redis`, { reason: reason(error) });
        pause = Math.min(pause * 2, 1000);
        await bell.wait(pause);
      }
    }
  }

  /** Joins the groups, takes up what this instance had in hand before, then reads what is new. */
  private async read(bell: Bell): Promise<void> {
    await this.group.connect();
    const present: string[] = [];
    let missing = [...this.modules.keys()];
    let joinAt = 0;
    while (!this.stopping.signal.aborted) {
      if (missing.length && performance.now() >= joinAt) {
        const joined = await this.group.join(missing);
        for (const stream of joined) await this.group.unfinished(stream, (entries) => this.takeAgain(stream, entries));
        present.push(...joined);
        missing = missing.filter((stream) => !joined.includes(stream));
        joinAt = performance.now() + JOIN_MS;
      }
      if (!present.length) {
        await bell.wait(JOIN_MS);
        continue;
      }
      const entries = await this.group.fresh(present, missing.length ? JOIN_MS : BLOCK_MS);
      if (entries === undefined) return; // a stream is gone: begin anew
      if (!this.stopping.signal.aborted) await this.work.take(await this.acceptable(entries));
    }
  }

  /** Keeps what is in hand ours; takes over what other instances left unacknowledged. */
  private async claim(bell: Bell): Promise<void> {
    for (const [stream, entries] of this.work.inHand()) await this.group.keep(stream, entries);
    for (const stream of this.modules.keys())
      await this.group.abandoned(stream, (entries) => this.takeAgain(stream, entries));
    await bell.wait(CLAIM_MS);
  }

  /** The entries to handle that are not in hand; those without a handler are acknowledged. */
  private async acceptable(entries: readonly Entry[]): Promise<Item[]> {
    const items: Item[] = [];
    for (const { stream, id, fields } of entries) {
      if (this.work.holds(stream, id)) continue;
      const item = this.parse(stream, id, fields);
      if (item) items.push(item);
      else await this.group.acknowledge(stream, [id]);
    }
    return items;
  }

  private parse(stream: string, id: string, fields: readonly unknown[] | null): Item | undefined {
    const module = this.modules.get(stream) ?? stream;
    try {
      const event = readEvent(module, fields ?? []);
      return handlerOf(this.handlers, event) && new Item(stream, id, event);
    } catch (error) {
      log.error("not an event", { stream, entry: id, error: reason(error) });
      this.metrics.handled.inc({ module, type: "?", outcome: "malformed" });
      return undefined;
    }
  }

  /**
   * Has entries handled that were delivered before. One that came often may be what ended the process each time: those
   * are tried alone, the least delivered first, and only what is tried keeps its count, so that the culprit falls
   * behind the innocent ones.
   */
  private async takeAgain(stream: string, delivered: readonly Entry[]): Promise<void> {
    const entries = delivered.filter((entry) => !this.work.holds(stream, entry.id));
    const counts = await this.group.deliveries(stream, entries.map((entry) => entry.id));
    const count = (entry: Entry) => counts.get(entry.id) ?? 0;
    const suspects = entries.filter((entry) => count(entry) >= SUSPECT_DELIVERIES).sort((a, b) => count(a) - count(b));
    await this.work.take(await this.acceptable(entries.filter((entry) => !suspects.includes(entry))));
    await this.group.setDeliveries(stream, suspects.map((entry) => [entry.id, count(entry) - 1]));
    for (const entry of suspects) {
      if (this.stopping.signal.aborted) return;
      await this.group.setDeliveries(stream, [[entry.id, count(entry)]]);
      const [item] = await this.acceptable([entry]);
      if (item && count(entry) > MAX_DELIVERIES) await this.work.giveUp(item, count(entry) - 1);
      else if (item) await this.work.take([item]);
    }
  }
}
