/**
 * The relay carries committed events from the outbox to the module's stream, and again when Redis lost them.
 *
 * Before it sends on a new connection, or when the stream is gone, it compares what Redis has with what was published
 * and sends the difference again. Only the relay creates the stream, so an emptied Redis cannot look like a healthy one.
 */
import type { Database, Tx } from "../database.js";
import { log, reason } from "../logs.js";
import type { Metrics } from "../metrics.js";
import { Bell } from "../pauses.js";
import { isTransient } from "../pg_errors.js";
import { RedisDown, type RedisLink, ReplyError } from "../redis.js";
import * as cursors from "./cursors.js";
import { streamOf } from "./event.js";
import { type Position, START, acknowledged, compare, earlier, lastGenerated, parsePosition, showPosition } from "./positions.js";

const BATCH = 500;
const POLL_MS = 1000;
const RETRY_MS = 300;
const CURSOR_MS = 5000;
const MAX_STREAM = 200_000;

interface Row {
  seq: bigint;
  fields: string[];
}

/** Publishes the outbox of one module. Every instance runs one; a lock lets one work at a time. */
export class Relay {
  readonly stream: string;
  /** Since when Redis is away (milliseconds of a monotonic clock), and why. */
  downSince: number | undefined;
  trouble: string | undefined;
  private readonly bell = new Bell();
  private verified = false;
  private cursorsAt = 0;
  private stopped = false;

  constructor(
    module: string,
    private readonly database: Database,
    private readonly link: RedisLink,
    private readonly metrics: Metrics,
  ) {
    this.stream = streamOf(module);
  }

  /** Publishes now instead of at the next poll. */
  wake(): void {
    this.bell.ring();
  }

  /** Ends `run` after the round in hand. */
  stop(): void {
    this.stopped = true;
    this.bell.ring();
  }

  /** Publishes until `stop`; outlives outages of Redis and PostgreSQL. */
  async run(): Promise<void> {
    while (!this.stopped) {
      try {
        const more = await this.round();
        if (this.trouble !== undefined) log.info("relay works", { stream: this.stream });
        this.trouble = this.downSince = undefined;
        if (more) continue;
      } catch (error) {
        this.note(error);
      }
      await this.bell.wait(this.trouble === undefined ? POLL_MS : RETRY_MS);
    }
    this.link.close();
  }

  private note(error: unknown): void {
    const redis = error instanceof RedisDown || error instanceof ReplyError;
    if (redis) this.link.close();
    else if (!isTransient(error)) log.error("relay failed", { stream: this.stream, error });
    if (this.trouble === undefined) log.warning("relay waits", { stream: this.stream, reason: reason(error) });
    if (redis) this.downSince ??= performance.now();
    this.trouble = `${redis ? "redis" : "database"}: ${reason(error)}`;
  }

  /** Publishes one batch. Says whether there may be more. */
  private async round(): Promise<boolean> {
    if (!this.link.connected) {
      this.verified = false;
      await this.link.connect();
    }
    if (this.verified) {
      const more = await this.database.leading("relay", async (tx) => {
        const full = await this.publish(tx);
        await this.lookAfter(tx);
        return full || !this.verified;
      });
      if (more === undefined) await this.link.call("PING");
      return more ?? false;
    }
    const lost = await this.database.leading("relay", (tx) => this.compareWithRedis(tx));
    if (lost === undefined) {
      await this.link.call("PING");
      return false;
    }
    if (lost.any) await this.create(lost.top);
    this.verified = true;
    return true;
  }

  /** Finds out what Redis lost, and marks it to be sent again. */
  private async compareWithRedis(tx: Tx): Promise<{ any: boolean; top: Position }> {
    const last = await lastGenerated(this.link, this.stream);
    const top = await cursors.highest(tx, this.stream);
    if (last && compare(last, top) >= 0) return { any: false, top };
    const after = last ? earlier(last, top) : await cursors.safe(tx, this.stream);
    const events = await cursors.sendAgain(tx, after);
    if (compare(top, START) > 0)
      log.warning("redis lost events, sending them again", { stream: this.stream, events, stream_gone: !last });
    return { any: true, top };
  }

  /** Makes the stream, once the marks are committed; its ids go on above all earlier ones. */
  private async create(top: Position): Promise<void> {
    const group = "nexus:relay";
    await this.link.call("XGROUP", "CREATE", this.stream, group, "0", "MKSTREAM").catch((error: Error) => {
      if (!error.message.startsWith("BUSYGROUP")) throw error;
    });
    await this.link.call("XGROUP", "DESTROY", this.stream, group);
    const last = await lastGenerated(this.link, this.stream);
    if (last && compare(last, top) < 0) await this.link.call("XSETID", this.stream, showPosition(top));
  }

  private async publish(tx: Tx): Promise<boolean> {
    const rows = await tx.db.$queryRaw<Row[]>`
      SELECT seq, ARRAY['id', id::text, 'type', type, 'entity', entity_id::text, 'company', company_id::text,
                        'at', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
                        'data', data::text] || CASE WHEN trace IS NULL THEN '{}' ELSE ARRAY['trace', trace] END AS fields
      FROM outbox WHERE published_at IS NULL ORDER BY seq LIMIT ${BATCH}`;
    if (!rows.length) {
      if (!(await this.link.call("EXISTS", this.stream))) this.verified = false;
      return false;
    }
    const replies = await this.link.pipeline(
      rows.map(({ fields }) => ["XADD", this.stream, "NOMKSTREAM", "*", ...fields] as const),
    );
    const sent: [bigint, Position][] = [];
    for (const [at, reply] of replies.entries()) {
      if (reply instanceof ReplyError) throw reply;
      if (reply === null) this.verified = false; // the stream is gone
      else sent.push([rows[at]!.seq, parsePosition(reply)]);
    }
    if (sent.length) await this.mark(tx, sent);
    return rows.length === BATCH;
  }

  private async mark(tx: Tx, sent: readonly [bigint, Position][]): Promise<void> {
    await tx.db.$executeRaw`
      UPDATE outbox SET published_at = now(), stream_ms = s.ms, stream_n = s.n
      FROM unnest(${sent.map(([seq]) => seq)}::bigint[], ${sent.map(([, { ms }]) => ms)}::bigint[],
                  ${sent.map(([, { n }]) => n)}::bigint[]) AS s(seq, ms, n)
      WHERE outbox.seq = s.seq`;
    this.metrics.sent.inc(sent.length);
  }

  /** Every few seconds: remembers what is acknowledged, counts the backlog, trims what all have handled. */
  private async lookAfter(tx: Tx): Promise<void> {
    if (performance.now() < this.cursorsAt || !this.verified) return;
    this.cursorsAt = performance.now() + CURSOR_MS;
    const groups = await acknowledged(this.link, this.stream);
    await cursors.remember(tx, this.stream, groups);
    await cursors.highest(tx, this.stream);
    this.metrics.backlog.set(await tx.db.outbox.count({ where: { publishedAt: null } }));
    if (groups.size && Number(await this.link.call("XLEN", this.stream)) > MAX_STREAM) {
      const oldest = await cursors.safe(tx, this.stream, true);
      await this.link.call("XTRIM", this.stream, "MINID", "~", showPosition(oldest));
    }
  }
}
