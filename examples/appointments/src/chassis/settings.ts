/** What the runtime tells an instance: plain values from the environment, secrets from files. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** The environment lacks something or holds something unusable; the message names the variable. */
export class SettingsError extends Error {}

/** The environment of one instance, read once. */
export interface Settings {
  readonly service: string;
  readonly instance: string;
  readonly release: string;
  readonly host: string;
  readonly port: number;
  readonly moduleDir: string;
  /** Migrations of its folder that it can serve without: they are applied when no older release runs. */
  readonly contracts: readonly string[];
  readonly jwksUrl: string | undefined;
  readonly otlpEndpoint: string | undefined;
  /** Addresses and networks that may say for whom they ask (`X-Forwarded-For`). */
  readonly trustedProxies: readonly string[];
  /** How long requests in flight may take when the instance is told to end. */
  readonly drainMs: number;
  /** The secret `name` from its file (`<NAME>_FILE`); throws SettingsError when it was not given. */
  secret(name: string): string;
}

/** Reads the environment of the module `service`. */
export function readSettings(service: string, env: NodeJS.ProcessEnv = process.env): Settings {
  const port = Number(env.PORT ?? "0");
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new SettingsError(`PORT='${env.PORT}' is not a port number: set it to 0..65535`);
  const drain = Number(env.NEXUS_DRAIN || "20");
  if (!Number.isFinite(drain) || drain < 0)
    throw new SettingsError(`NEXUS_DRAIN='${env.NEXUS_DRAIN}' is no number of seconds: write it like 20`);
  return {
    service: env.NEXUS_SERVICE ?? service,
    instance: env.NEXUS_INSTANCE || `${service}-${hostname()}`,
    release: env.NEXUS_RELEASE ?? "dev",
    host: env.HOST ?? "127.0.0.1",
    port,
    moduleDir: env.NEXUS_MODULE_DIR ?? process.cwd(),
    contracts: (env.NEXUS_CONTRACTS ?? "").split(/\s+/).filter(Boolean),
    jwksUrl: env.NEXUS_JWKS_URL,
    otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT || undefined,
    trustedProxies: (env.NEXUS_TRUSTED_PROXIES || "127.0.0.1,::1").split(",").map((each) => each.trim()),
    drainMs: drain * 1000,
    secret: (name) => readSecret(`${name.toUpperCase()}_FILE`, env),
  };
}

function readSecret(variable: string, env: NodeJS.ProcessEnv): string {
  const path = env[variable];
  if (!path) throw new SettingsError(`${variable} was not given: it names the file that holds the secret`);
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new SettingsError(`${variable}=${path}: ${(error as Error).message}: give a readable file`);
  }
}
