/** The questions an operator asks a module: can it serve, and is its business well. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Database, Tx } from "./database.js";
import { parked } from "./events/inbox.js";
import type { Relay } from "./events/relay.js";
import { log, reason } from "./logs.js";
import { isTransient, sqlState } from "./pg_errors.js";

const CACHE_MS = 1000;
const REDIS_GRACE_MS = 2000;
const LAG_LIMIT_S = 60;
// Without Redis a module goes on serving: facts wait in its outbox.
const WAITABLE = new Set(["redis", "outbox"]);
const UNDEFINED_TABLE = "42P01";

/** One thing that readiness depends on. */
export interface Check {
  readonly ok: boolean;
  readonly detail?: string;
  readonly [more: string]: unknown;
}

type Checks = Record<string, Check>;

/** The module's own numbers; those named in `mustBeZero` tell whether its business is well. */
export interface Business {
  readonly numbers: Record<string, number>;
  readonly mustBeZero?: readonly string[];
}

/** Answers the questions; readiness is worked out at most once a second, and once at a time. */
export class Health {
  draining = false;
  private readonly expected: readonly string[];
  private known: Promise<Checks> | undefined;
  private running = false;
  private until = 0;

  constructor(
    private readonly database: Database,
    private readonly relay: Relay,
    moduleDir: string,
    private readonly ask: (tx: Tx) => Promise<Business>,
    contracts: readonly string[] = [],
  ) {
    this.expected = expectedMigrations(join(moduleDir, "migrations"), contracts);
  }

  /** Whether the module can serve, whether something it can do without is away, and each check. */
  async ready(): Promise<{ ready: boolean; degraded: boolean; checks: Checks }> {
    if (!this.known || (!this.running && performance.now() >= this.until)) {
      this.until = performance.now() + CACHE_MS;
      this.running = true;
      this.known = this.run().finally(() => (this.running = false));
    }
    const checks = { ...(await this.known) };
    if (this.draining) checks.draining = { ok: false, detail: "The instance is stopping." };
    const bad = Object.keys(checks).filter((name) => !checks[name]?.ok);
    return { ready: bad.every((name) => WAITABLE.has(name)), degraded: bad.length > 0, checks };
  }

  private async run(): Promise<Checks> {
    return { ...(await this.databaseChecks()), redis: this.redisCheck() };
  }

  private async databaseChecks(): Promise<Checks> {
    try {
      const [row] = await this.database.system(
        (tx) => tx.db.$queryRaw<[{ lag: number; applied: string[] | null }]>`
          SELECT (SELECT coalesce(extract(epoch FROM now() - min(occurred_at)), 0)::float8
                  FROM (SELECT occurred_at FROM outbox WHERE published_at IS NULL ORDER BY seq LIMIT 1) AS o) AS lag,
                 (SELECT array_agg(migration_name::text) FROM _prisma_migrations
                  WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL) AS applied`,
      );
      return { database: { ok: true }, migrations: this.migrations(row.applied ?? []), outbox: outbox(row.lag) };
    } catch (error) {
      const detail = reason(error);
      if (sqlState(error) === UNDEFINED_TABLE) return { database: { ok: true }, migrations: { ok: false, detail } };
      if (!isTransient(error)) log.warning("readiness check failed", { error: detail });
      return { database: { ok: false, detail } };
    }
  }

  private migrations(applied: readonly string[]): Check {
    const missing = this.expected.filter((name) => !applied.includes(name));
    if (!missing.length) return { ok: true, applied: applied.length };
    return { ok: false, applied: applied.length, detail: `not applied: ${missing.join(", ")}` };
  }

  private redisCheck(): Check {
    const down = this.relay.downSince === undefined ? 0 : performance.now() - this.relay.downSince;
    if (down < REDIS_GRACE_MS) return { ok: true };
    return { ok: false, detail: this.relay.trouble ?? "down", down_s: Math.round(down / 100) / 10 };
  }

  /** The module's own numbers; the events put aside count as well. */
  async business(): Promise<{ ok: boolean; numbers: object; must_be_zero: string[]; broken: string[] }> {
    return this.database.system(async (tx) => {
      const asked = await this.ask(tx);
      const numbers: Record<string, number> = { ...asked.numbers, events_parked: await parked(tx) };
      const must_be_zero = [...(asked.mustBeZero ?? []), "events_parked"];
      const broken = must_be_zero.filter((name) => numbers[name]);
      return { ok: !broken.length, numbers, must_be_zero, broken };
    });
  }
}

function outbox(lag: number): Check {
  const lag_s = Math.round(lag * 1000) / 1000;
  if (lag <= LAG_LIMIT_S) return { ok: true, lag_s };
  return { ok: false, lag_s, detail: `the oldest event waits ${Math.round(lag)} s for Redis` };
}

/** The names of the migrations in `folder` without which the module cannot serve. */
export function expectedMigrations(folder: string, contracts: readonly string[] = []): string[] {
  if (!existsSync(folder)) return [];
  const scripts = readdirSync(folder).filter((name) => existsSync(join(folder, name, "migration.sql")));
  return scripts.filter((name) => !contracts.includes(name)).sort();
}
