/** Operations as routes, and the answer to whatever goes wrong in them. */
import { type ErrorRequestHandler, type RequestHandler, Router } from "express";
import type { Verifier } from "./auth.js";
import { readIdempotency } from "./idempotency.js";
import { log, reason } from "./logs.js";
import { type AnyOperation, check } from "./operations.js";
import { problemOf } from "./pg_errors.js";
import { PROBLEM_TYPE, Problem, problemBody } from "./problems.js";

const SLUGS: Record<number, string> = { 400: "bad-request", 413: "too-large", 415: "unsupported-media" };

/** Routes to the operations; every other address is 404, every other method 405. */
export function routesOf(operations: readonly AnyOperation[], verifier: Verifier): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const each of operations) router[each.method](expressPath(each.path), answering(each, verifier));
  for (const path of new Set(operations.map((each) => each.path))) {
    const methods = operations.filter((each) => each.path === path).map((each) => each.method.toUpperCase());
    router.all(expressPath(path), () => {
      const allow = { Allow: methods.join(", ") };
      throw new Problem(405, "method-not-allowed", `This address answers ${allow.Allow} only.`, {}, allow);
    });
  }
  return router;
}

function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

function answering(operation: AnyOperation, verifier: Verifier): RequestHandler {
  return async (request, response) => {
    response.locals.route = operation.path;
    const who = await verifier.person(request.get("authorization"), operation.permissions);
    const raw = (response.locals.raw as Buffer | undefined) ?? Buffer.alloc(0);
    const idempotency = readIdempotency(request.get("idempotency-key"), request.method, request.originalUrl, raw);
    const values = check(operation.shapes, request);
    const answer = await operation.handle({ ...values, who, idempotency } as never);
    response.status(answer.status).set(answer.headers ?? {}).json(answer.body);
  };
}

/** The answer where no address fits. */
export const notFound: RequestHandler = () => {
  throw new Problem(404, "not-found", "There is nothing at this address.");
};

/** Turns whatever was thrown into a problem. */
export const answerProblem: ErrorRequestHandler = (error: unknown, request, response, _next) => {
  const problem = asProblem(error);
  if (problem.status >= 500)
    log[problem.status === 500 ? "error" : "warning"]("answered with a problem", {
      status: problem.status,
      slug: problem.slug,
      why: problem.status === 500 ? error : reason(error),
    });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = problemBody(problem, request.path, response.locals.context);
  response.status(problem.status).set(problem.headers).type(PROBLEM_TYPE).send(JSON.stringify(body));
};

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { status, message } = error as { status?: unknown; message?: unknown };
  if (typeof status === "number" && status >= 400 && status < 500)
    return new Problem(status, SLUGS[status] ?? `http-${status}`, String(message));
  return problemOf(error) ?? new Problem(500, "internal-error", "Something failed on our side; the log has the details.");
}
