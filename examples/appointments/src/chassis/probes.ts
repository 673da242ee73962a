/** The addresses that every module has for its operators; the gateway does not route them. */
import { Router } from "express";
import type { Database } from "./database.js";
import type { Traffic } from "./edge.js";
import type { Health } from "./health.js";
import type { Metrics } from "./metrics.js";
import type { Settings } from "./settings.js";

/** Makes the routes of /health/*, /metrics and /openapi.json. */
export function probes(
  { service, instance, release }: Settings,
  health: Health,
  metrics: Metrics,
  database: Database,
  traffic: Traffic,
  document: object,
): Router {
  const who = { service, instance, release };
  const router = Router();
  router.get("/health/live", (_request, response) => {
    response.json({ live: true, ...who });
  });
  router.get("/health/ready", async (_request, response) => {
    const { ready, degraded, checks } = await health.ready();
    response.status(ready ? 200 : 503).json({ ready, degraded, ...who, checks });
  });
  router.get("/health/business", async (_request, response) => {
    response.json({ ...who, ...(await health.business()) });
  });
  router.get("/metrics", async (_request, response) => {
    const { open, used } = database.connections;
    metrics.connections.set({ state: "open" }, open);
    metrics.connections.set({ state: "used" }, used);
    metrics.inFlight.set(traffic.inFlight);
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  router.get("/openapi.json", (_request, response) => {
    response.json(document);
  });
  return router;
}
