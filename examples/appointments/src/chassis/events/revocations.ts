/** Ended sessions: every instance follows the auth stream, without a group, and refuses their tokens. */
import { z } from "zod";
import { log, reason } from "../logs.js";
import { Bell } from "../pauses.js";
import { type RedisLink, pairs } from "../redis.js";
import { streamOf } from "./event.js";

const TOKEN_LIFETIME_MS = 900_000;
const BLOCK_MS = 5000;
const RETRY_MS = 500;
const shape = z.object({ session_id: z.guid().toLowerCase(), expires_at: z.coerce.date().nullish() });

/** Knows which sessions ended before their tokens expire, each until its last token is void. */
export class Revocations {
  private readonly until = new Map<string, number>();
  private readonly bell = new Bell();
  private after = `${Date.now() - TOKEN_LIFETIME_MS}-0`;
  private stopped = false;

  constructor(private readonly link: RedisLink) {}

  /** Whether the session has ended. */
  has(session: string): boolean {
    return this.until.has(session);
  }

  /** Follows until `stop`. */
  async run(): Promise<void> {
    while (!this.stopped) {
      try {
        await this.link.connect();
        await this.read();
      } catch (error) {
        if (this.stopped) return;
        if (this.link.connected) log.warning("revocations cannot be read", { reason: reason(error) });
        await this.bell.wait(RETRY_MS);
      }
    }
  }

  /** Ends `run`. */
  stop(): void {
    this.stopped = true;
    this.bell.ring();
    this.link.close();
  }

  private async read(): Promise<void> {
    const options = ["COUNT", 500, "BLOCK", BLOCK_MS, "STREAMS", streamOf("auth"), this.after];
    const reply = await this.link.callBlocking(BLOCK_MS, "XREAD", ...options);
    for (const [, entries] of (reply ?? []) as [string, [string, unknown[]][]][])
      for (const [id, fields] of entries) {
        this.after = id;
        this.take(pairs(fields));
      }
  }

  private take(entry: Record<string, unknown>): void {
    if (entry.type !== "session.revoked") return;
    try {
      const { session_id, expires_at } = shape.parse(JSON.parse(String(entry.data)));
      const now = Date.now();
      this.until.set(session_id, Math.max(expires_at?.getTime() ?? 0, now + TOKEN_LIFETIME_MS));
      for (const [session, until] of this.until) if (until < now) this.until.delete(session);
    } catch (error) {
      log.error("session.revoked cannot be read", { error: reason(error) });
    }
  }
}
