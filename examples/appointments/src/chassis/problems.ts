/** Errors as RFC 9457 problem details: one exception, one shape, for everything that can go wrong. */
import { STATUS_CODES } from "node:http";
import { type Context, traceId } from "./tracing.js";

/** The media type of a problem. */
export const PROBLEM_TYPE = "application/problem+json";

/** An answer that is an error: `throw new Problem(409, "taken", "Somebody was faster.")`. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly slug: string,
    readonly detail: string,
    readonly extra: Record<string, unknown> = {},
    readonly headers: Record<string, string> = {},
  ) {
    super(detail);
  }
}

/** Something this module needs is away for now: 503 with Retry-After. */
export class Unavailable extends Problem {
  constructor(detail: string, slug = "unavailable") {
    super(503, slug, detail, {}, { "Retry-After": "1" });
  }
}

/** One value that is not valid. */
export interface Fault {
  readonly field: string;
  readonly message: string;
  readonly code: string;
}

/** A 422 that names what is wrong with each field. */
export function invalid(faults: readonly Fault[], slug = "validation"): Problem {
  const detail = faults.slice(0, 3).map((fault) => `${fault.field}: ${fault.message}`).join("; ");
  return new Problem(422, slug, detail || "The request is not valid.", { errors: faults.slice(0, 50) });
}

/** The JSON object of a problem. */
export function problemBody(problem: Problem, instance: string, context: Context | undefined): object {
  return {
    type: `urn:nexus:problem:${problem.slug}`,
    title: STATUS_CODES[problem.status] ?? "Error",
    status: problem.status,
    detail: problem.detail,
    instance,
    request_id: context?.requestId ?? null,
    trace_id: traceId(context),
    ...problem.extra,
  };
}
