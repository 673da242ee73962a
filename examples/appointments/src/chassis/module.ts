/** A module of Nexus: what it answers, what it hears, and its life from start to SIGTERM. */
import { type Server, createServer } from "node:http";
import express, { type Express } from "express";
import { answerProblem, notFound, routesOf } from "./answers.js";
import { Verifier } from "./auth.js";
import { Database, type Tx } from "./database.js";
import { type Traffic, edge, inContext, readBody } from "./edge.js";
import { Consumer } from "./events/consumer.js";
import type { Handlers } from "./events/event.js";
import { expire } from "./events/expiry.js";
import { retryParked } from "./events/inbox.js";
import { Relay } from "./events/relay.js";
import { Revocations } from "./events/revocations.js";
import { type Business, Health } from "./health.js";
import { log, logAs, reason } from "./logs.js";
import { Metrics } from "./metrics.js";
import { openapi } from "./openapi.js";
import type { AnyOperation } from "./operations.js";
import { within } from "./pauses.js";
import { probes } from "./probes.js";
import { RedisLink } from "./redis.js";
import { type Settings, readSettings } from "./settings.js";
import { recordWith, stopRecording } from "./tracing.js";
import { Workers } from "./workers.js";

const EVENTS_GRACE_MS = 15_000;
const LOOPS_MS = 1000;
const SPANS_MS = 2000;
const IDLE_EVERY_MS = 100;
const LINGER_MS = 300;
const EXPIRE_EVERY_MS = 600_000;
const PARKED_EVERY_MS = 2000;

/** What makes a module: its operations, the events it hears, and its own numbers. */
export interface Parts {
  readonly title: string;
  operations(database: Database): readonly AnyOperation[];
  readonly handlers: Handlers;
  business(tx: Tx): Promise<Business>;
}

/** Serves the module `name` until SIGTERM, then ends the process: with 0, or with 1 when it could not start. */
export async function serve(name: string, parts: Parts): Promise<never> {
  try {
    await live(name, parts);
    process.exit(0);
  } catch (error) {
    log.error("ended", { error });
    process.exit(1);
  }
}

async function live(name: string, parts: Parts): Promise<void> {
  const leaving = signalled();
  const settings = readSettings(name);
  logAs(settings.service, settings.release, settings.instance);
  if (settings.otlpEndpoint) recordWith((await import("./otlp.js")).otlpRecorder(settings));
  const traffic: Traffic = { inFlight: 0, draining: false };
  const metrics = new Metrics(settings.service);
  const database = new Database(settings.secret("database_url"), name, settings.instance);
  const redisUrl = settings.secret("redis_url");
  const link = (purpose: string) => new RedisLink(redisUrl, `${settings.instance}:${purpose}`);
  const relay = new Relay(name, database, link("relay"), metrics);
  const revocations = new Revocations(link("revocations"));
  const verifier = new Verifier(settings.jwksUrl, revocations);
  const consumer = new Consumer(name, settings.instance, database, link, parts.handlers, metrics);
  const health = new Health(database, relay, settings.moduleDir, (tx) => parts.business(tx), settings.contracts);
  const workers = new Workers();
  const operations = parts.operations(database);
  const document = openapi(parts.title, settings.release, operations);
  const app = express();
  app.set("trust proxy", settings.trustedProxies);
  assemble(app, edge(traffic, metrics), [
    probes(settings, health, metrics, database, traffic, document),
    routesOf(operations, verifier),
  ]);
  const server = await listen(app, settings);

  database.onPublish = () => relay.wake();
  verifier.start();
  const loops = [relay.run(), revocations.run(), consumer.run()];
  workers.start("expiry", EXPIRE_EVERY_MS, () => database.leading("expiry", () => expire(database, name)));
  workers.start("parked", PARKED_EVERY_MS, () => retryParked(database, parts.handlers));
  log.info("started", { port: settings.port, consumes: Object.keys(parts.handlers) });

  await leaving;
  const until = performance.now() + settings.drainMs;
  traffic.draining = health.draining = true;
  log.info("draining", { in_flight: traffic.inFlight });
  const settled = Promise.all([consumer.stop(EVENTS_GRACE_MS), workers.stop(EVENTS_GRACE_MS)]);
  await within(LINGER_MS, new Promise(() => undefined)); // the balancer's probes see it; requests are still answered
  const drained = await within(until - performance.now(), Promise.all([settled, closed(server)]));
  if (!drained) log.warning("not everything ended in time", { in_flight: traffic.inFlight });
  relay.stop();
  revocations.stop();
  verifier.stop();
  await within(Math.max(until - performance.now(), LOOPS_MS), Promise.all(loops));
  await within(until - performance.now(), database.close());
  await within(SPANS_MS, stopRecording().catch((error: unknown) => log.warning("spans not sent", { reason: reason(error) })));
  log.info("stopped");
}

function assemble(app: Express, outermost: express.RequestHandler, routers: express.Router[]): void {
  app.disable("x-powered-by").disable("etag").set("case sensitive routing", true);
  app.use(outermost, readBody, inContext, ...routers, notFound);
  app.use(answerProblem);
}

async function listen(app: Express, { host, port }: Settings): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 75_000, headersTimeout: 80_000 }, app);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, 2048, resolve);
  });
  return server;
}

/** Takes no further connections and closes each as soon as its last request is answered: clients keep theirs open. */
async function closed(server: Server): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_EVERY_MS);
  await new Promise((resolve) => server.close(resolve));
  clearInterval(idle);
}

async function signalled(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}
