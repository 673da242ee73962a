/** PostgreSQL through Prisma: every transaction is bound to one company, or crosses them on purpose. */
import { createHash } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { type Prisma, PrismaClient } from "../.prisma/client.js";
import { log, reason } from "./logs.js";
import { Outbox } from "./events/outbox.js";

const POOL_SIZE = 8;
const CONNECT_TIMEOUT_MS = 5000;
// The server ends a statement that takes too long; one without an answer even then has no server any more.
const STATEMENT_TIMEOUT_MS = 25_000;
const QUERY_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 10_000;
const TRANSACTION_TIMEOUT_MS = 60_000;

/** A running transaction: Prisma's client inside it, and the events it tells. */
export interface Tx {
  readonly db: Prisma.TransactionClient;
  readonly events: Outbox;
}

/** The module's database. It connects when first used: a server that is away does not stop the start. */
export class Database {
  private readonly pool: pg.Pool;
  private readonly prisma: PrismaClient;
  /** Called after each commit that told something. */
  onPublish: () => void = () => undefined;

  /** `name` is the module's, shared by its instances; `instance` is how the server's lists of connections call this one. */
  constructor(
    url: string,
    private readonly name: string,
    instance: string,
  ) {
    this.pool = new pg.Pool({
      connectionString: url,
      max: POOL_SIZE,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: 300_000,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      application_name: instance,
      options: `-c timezone=UTC -c jit=off -c statement_timeout=${STATEMENT_TIMEOUT_MS}`,
    });
    this.pool.on("release", (_error, client) => dropUnlessIdle(client));
    // a module's role is named after its schema
    const schema = decodeURIComponent(new URL(url).username);
    const note = (error: Error) => log.info("database connection lost", { reason: error.message });
    const adapter = new PrismaPg(this.pool, { schema, onPoolError: note, onConnectionError: note });
    this.prisma = new PrismaClient({ adapter, errorFormat: "minimal" });
  }

  /** Connections that are open, and those of them that are busy. */
  get connections(): { open: number; used: number } {
    return { open: this.pool.totalCount, used: this.pool.totalCount - this.pool.idleCount };
  }

  /** A read-only transaction that sees the rows of `company`. */
  async read<T>(company: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.run({ company_id: company, readOnly: true }, work);
  }

  /** A transaction that sees the rows of `company`. */
  async write<T>(company: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.run({ company_id: company }, work);
  }

  /** A transaction that sees the rows of all companies: for workers, never for a request. */
  async system<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.run({ scope: "system" }, work);
  }

  /** A system transaction if no other instance does `job` now; otherwise undefined. */
  async leading<T>(job: string, work: (tx: Tx) => Promise<T>): Promise<T | undefined> {
    const key = createHash("sha256").update(`${this.name}:${job}`).digest().readBigInt64BE();
    return this.system(async (tx) => {
      // the work may wait for Redis or others between two statements
      const [lock] = await tx.db.$queryRaw<[{ held: boolean }]>`
        SELECT pg_try_advisory_xact_lock(${key}::bigint) AS held, set_config('idle_in_transaction_session_timeout', '0', true)`;
      return lock.held ? work(tx) : undefined;
    });
  }

  private async run<T>(
    as: { company_id?: string; scope?: string; readOnly?: boolean },
    work: (tx: Tx) => Promise<T>,
  ): Promise<T> {
    const company = as.company_id ?? "";
    let events: Outbox | undefined;
    const result = await this.prisma.$transaction(
      async (db) => {
        await db.$queryRaw`
          SELECT set_config('nexus.company_id', ${company}, true), set_config('nexus.scope', ${as.scope ?? ""}, true),
                 set_config('transaction_read_only', ${as.readOnly ? "on" : "off"}, true)`;
        events = new Outbox(db, company);
        return work({ db, events });
      },
      { maxWait: CONNECT_TIMEOUT_MS, timeout: TRANSACTION_TIMEOUT_MS },
    );
    if (events?.told) this.onPublish();
    return result;
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.prisma.$disconnect();
    await this.pool.end().catch((error: unknown) => log.info("pool not closed", { reason: reason(error) }));
  }
}

/** A connection whose ROLLBACK was never answered would carry its transaction into the next one. */
function dropUnlessIdle(client: pg.PoolClient): void {
  if (client.getTransactionStatus() !== "I") client.end(() => undefined);
}
