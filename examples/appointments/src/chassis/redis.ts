/**
 * One connection to Redis that never reconnects by itself: the relay must notice each lost connection, because the
 * server may have come back with less than it had.
 */
import { Redis, ReplyError } from "ioredis";

const CONNECT_TIMEOUT_MS = 3000;
const CALL_TIMEOUT_MS = 5000;
const AWAY = ["LOADING", "MASTERDOWN", "READONLY", "OOM"];

/** The connection cannot be made or was lost; the message says why. */
export class RedisDown extends Error {}

/** What Redis answers to a command that it refuses. */
export { ReplyError };

export type Argument = string | number;

/** A connection made by `connect` and, once lost, gone until the next `connect`. */
export class RedisLink {
  private client: Redis | undefined;
  private connecting: Promise<void> | undefined;

  constructor(
    private readonly url: string,
    private readonly name: string,
  ) {}

  /** Whether the connection stands, as far as is known. */
  get connected(): boolean {
    return this.client?.status === "ready";
  }

  /** Connects, unless the link stands. Throws RedisDown. */
  async connect(): Promise<void> {
    if (this.connected) return;
    this.connecting ??= this.open().finally(() => (this.connecting = undefined));
    await this.connecting;
  }

  private async open(): Promise<void> {
    this.close();
    const client = new Redis(this.url.replace(/^valkey:/, "redis:"), {
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      connectionName: this.name,
    });
    let trouble: Error | undefined;
    client.on("error", (error: Error) => (trouble = error));
    this.client = client;
    try {
      await client.connect();
    } catch (error) {
      client.disconnect();
      throw new RedisDown(`cannot connect: ${(trouble ?? (error as Error)).message}`);
    }
  }

  /** Sends one command. Throws ReplyError for an error reply, RedisDown when the link is lost. */
  async call(command: string, ...args: Argument[]): Promise<unknown> {
    return this.answer((client) => client.call(command, ...args), CALL_TIMEOUT_MS);
  }

  /** Sends a command that waits at the server for up to `blockMs`. */
  async callBlocking(blockMs: number, command: string, ...args: Argument[]): Promise<unknown> {
    return this.answer((client) => client.call(command, ...args), blockMs + CALL_TIMEOUT_MS);
  }

  /** Sends commands in one go; error replies come as ReplyError values. */
  async pipeline(commands: readonly (readonly [string, ...Argument[]])[]): Promise<unknown[]> {
    const replies = await this.answer(
      (client) => client.pipeline(commands.map(([name, ...args]) => ["call", name, ...args])).exec(),
      CALL_TIMEOUT_MS,
    );
    return (replies ?? []).map(([error, reply]) => {
      if (error === null) return reply;
      if (error instanceof ReplyError && !away(error)) return error;
      this.close();
      throw new RedisDown(error.message);
    });
  }

  private async answer<T>(ask: (client: Redis) => Promise<T>, limitMs: number): Promise<T> {
    const client = this.client;
    if (client?.status !== "ready") throw new RedisDown("not connected");
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new RedisDown("timeout")), limitMs);
    });
    try {
      return await Promise.race([ask(client), late]);
    } catch (error) {
      if (error instanceof ReplyError && !away(error as Error)) throw error;
      if (this.client === client) this.close();
      throw error instanceof RedisDown ? error : new RedisDown((error as Error).message);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Drops the connection. */
  close(): void {
    this.client?.disconnect();
    this.client = undefined;
  }
}

function away(error: Error): boolean {
  return AWAY.some((word) => error.message.startsWith(word));
}

/** Turns Redis's flat list of keys and values into an object. */
export function pairs(flat: readonly unknown[]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) found[String(flat[at])] = flat[at + 1];
  return found;
}
