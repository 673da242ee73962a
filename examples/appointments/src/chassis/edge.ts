/** The outermost layer: ids, access log, request metrics, limits of what may come in. */
import express, { type NextFunction, type Request, type RequestHandler, type Response } from "express";
import { log } from "./logs.js";
import type { Metrics } from "./metrics.js";
import { Problem } from "./problems.js";
import { begin, within } from "./tracing.js";

const MAX_BODY_BYTES = 2 * 1024 * 1024;
const NUL = "Text must not contain the character NUL.";
const NUL_ESCAPE = /(?<!\\)(?:\\\\)*\\u0000/;
const SILENT = new Set(["/health/live", "/health/ready", "/health/business", "/metrics"]);

/** What the instance is doing now. */
export interface Traffic {
  inFlight: number;
  draining: boolean;
}

/** Takes in or makes the ids of a request, counts it, and logs it at its end. */
export function edge(traffic: Traffic, metrics: Metrics): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    const { path, method } = request;
    const silent = SILENT.has(path);
    const ids = [request.get("traceparent"), request.get("x-request-id")] as const;
    const { context, end } = begin(method, "server", ...ids, silent);
    response.locals.context = context;
    response.set("X-Request-Id", context.requestId);
    if (traffic.draining) response.set("Connection", "close");
    traffic.inFlight += 1;
    response.once("close", () => {
      traffic.inFlight -= 1;
      const status = response.writableFinished ? response.statusCode : 499;
      const route = (response.locals.route as string | undefined) ?? "(none)";
      const failure = status >= 500 ? status : undefined;
      end(
        { "http.request.method": method, "http.route": route, "url.path": path, "http.response.status_code": status },
        failure,
        `${method} ${route}`,
      );
      if (silent) return;
      const seconds = (performance.now() - started) / 1000;
      metrics.requests.observe({ method: route === "(none)" ? "*" : method, route, status }, seconds);
      const ms = Math.round(seconds * 100_000) / 100;
      const fields = { method, path, route, status, ms, client: request.ip, request_id: context.requestId };
      within(context, () => log.info("request", fields));
    });
    if (path.includes("\0") || path.includes("%00") || request.url.includes("%00"))
      return next(new Problem(422, "nul-character", NUL));
    next();
  };
}

/** Reads JSON bodies; what PostgreSQL cannot store is refused before anything looks at it. */
export const readBody: RequestHandler = express.json({
  limit: MAX_BODY_BYTES,
  strict: false,
  verify: (_request, response, raw) => {
    if (NUL_ESCAPE.test(raw.toString("latin1"))) throw new Problem(422, "nul-character", NUL);
    (response as Response).locals.raw = raw;
  },
});

/** Runs what follows in the request's trace: reading a body loses it. */
export function inContext(_request: Request, response: Response, next: NextFunction): void {
  within(response.locals.context, () => next());
}
