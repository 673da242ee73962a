/** Events in hand: handled, tried again when that fails, parked when it keeps failing. */
import type { Database } from "../database.js";
import { log, reason } from "../logs.js";
import type { Metrics } from "../metrics.js";
import { within } from "../pauses.js";
import { isContention, isTransient } from "../pg_errors.js";
import { type Handlers, NotYet } from "./event.js";
import { handleOnce, park } from "./inbox.js";
import type { Item } from "./item.js";

const CONTENTION_TRIES = 5;
const DATABASE_PAUSE_MS = 500;
const PARK_AGAIN_MS = 2000;
const PARALLEL = 4;

/** All events that this process has taken and not yet acknowledged. */
export class Work {
  private readonly items = new Map<string, Item>();
  private readonly running = new Set<Promise<unknown>>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopping = false;

  constructor(
    private readonly database: Database,
    private readonly handlers: Handlers,
    private readonly metrics: Metrics,
    private readonly acknowledge: (stream: string, entries: readonly string[]) => Promise<void>,
  ) {}

  /** Whether this entry is in hand already. */
  holds(stream: string, entry: string): boolean {
    return this.items.has(`${stream} ${entry}`);
  }

  /** The entries in hand, by stream. */
  inHand(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const { stream, entry } of this.items.values()) found.set(stream, [...(found.get(stream) ?? []), entry]);
    return found;
  }

  /** Handles events, those of one entity in their order; returns when each was handled once, well or not. */
  async take(items: readonly Item[]): Promise<void> {
    const lanes = new Map<string, Item[]>();
    for (const item of items) {
      this.items.set(item.key, item);
      lanes.set(item.event.entity, [...(lanes.get(item.event.entity) ?? []), item]);
    }
    const queue = [...lanes.values()];
    const drive = async () => {
      for (let lane = queue.shift(); lane; lane = queue.shift()) for (const item of lane) await this.try(item);
    };
    await this.track(Promise.all(Array.from({ length: PARALLEL }, drive)));
  }

  /** Puts aside an event that was delivered `deliveries` times without an end. */
  async giveUp(item: Item, deliveries: number): Promise<void> {
    item.failures = deliveries;
    item.error = `Unfinished: delivered ${deliveries} times without an end: does its handler end the process?`;
    this.items.set(item.key, item);
    await this.park(item);
  }

  /** Begins nothing more and waits for what runs, at most `graceMs`; the rest stays pending in Redis. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    for (const timer of this.timers) clearTimeout(timer);
    await within(graceMs, Promise.allSettled([...this.running]));
  }

  private async track<T>(work: Promise<T>): Promise<T> {
    this.running.add(work);
    return work.finally(() => this.running.delete(work));
  }

  private async try(item: Item): Promise<void> {
    for (let contention = 0; !this.stopping; ) {
      try {
        const fresh = await handleOnce(this.database, this.handlers, item.event);
        return await this.done(item, fresh ? "handled" : "duplicate");
      } catch (error) {
        if (isTransient(error)) {
          log.warning("event waits for the database", { event: item.event.id, reason: reason(error) });
          await new Promise((resolve) => setTimeout(resolve, DATABASE_PAUSE_MS));
        } else if (!isContention(error) || ++contention > CONTENTION_TRIES) {
          return this.again(item, error);
        }
      }
    }
  }

  private async done(item: Item, outcome: string): Promise<void> {
    this.items.delete(item.key);
    this.count(item, outcome);
    await this.acknowledge(item.stream, [item.entry]);
  }

  private async again(item: Item, error: unknown): Promise<void> {
    const pause = item.failed(error);
    if (pause === undefined) return this.park(item, error);
    const outcome = error instanceof NotYet ? "waits" : "failed";
    this.count(item, outcome);
    log[outcome === "waits" ? "info" : "warning"](`event ${outcome}, will be tried again`, about(item));
    this.later(pause, () => this.try(item));
  }

  private async park(item: Item, error?: unknown): Promise<void> {
    try {
      await park(this.database, item);
    } catch (trouble) {
      log.warning("event cannot be parked now", { ...about(item), reason: reason(trouble) });
      return this.later(PARK_AGAIN_MS, () => this.park(item, error));
    }
    log.error("event parked", { ...about(item), exception: error });
    await this.done(item, "parked");
  }

  private later(pauseMs: number, work: () => Promise<void>): void {
    if (this.stopping) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.track(work());
    }, pauseMs);
    this.timers.add(timer);
  }

  private count({ event }: Item, outcome: string): void {
    this.metrics.handled.inc({ module: event.module, type: event.type, outcome });
  }
}

function about({ event, attempts, error }: Item): Record<string, unknown> {
  return { event: event.id, type: event.type, source: event.module, attempts, error };
}
