/** Operations: what a module answers over HTTP, each described once for validation, routing and documentation. */
import type { z } from "zod";
import type { Person } from "./auth.js";
import type { Answer, Idempotency } from "./idempotency.js";
import { type Fault, invalid } from "./problems.js";

/** The parts of a request that an operation declares. */
export interface Shapes {
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
}

type Values<S extends Shapes> = { [Part in keyof S]: S[Part] extends z.ZodType ? z.output<S[Part]> : never };

/** A request after its token and its values were checked. */
export type Asked<S extends Shapes> = Values<S> & { readonly who: Person; readonly idempotency: Idempotency };

/** One operation. `path` is in OpenAPI's notation; who holds one of `permissions` may call it. */
export interface Operation<S extends Shapes = Shapes> {
  readonly method: "get" | "post";
  readonly path: string;
  readonly summary: string;
  readonly permissions: readonly string[];
  readonly shapes: S;
  readonly answers: Readonly<Record<number, z.ZodType>>;
  handle(asked: Asked<S>): Promise<Answer>;
}

/** An operation whatever its shapes: what routing and documentation work with. */
export type AnyOperation = Omit<Operation, "handle"> & { handle(asked: never): Promise<Answer> };

/** Describes an operation; the types of what `handle` gets follow from `shapes`. */
export function operation<const S extends Shapes>(wanted: Operation<S>): AnyOperation {
  return wanted as unknown as AnyOperation;
}

/** Checks the values of a request. Throws a 422 problem that names each fault. */
export function check(shapes: Shapes, given: Record<keyof Shapes, unknown>): Values<Shapes> {
  const faults: Fault[] = [];
  const values: Record<string, unknown> = {};
  for (const [source, where] of [["params", "path"], ["query", "query"], ["body", "body"]] as const) {
    const result = shapes[source]?.safeParse(given[source]);
    if (result?.success) values[source] = result.data;
    for (const issue of result?.error?.issues ?? [])
      faults.push({ field: [where, ...issue.path].join("."), message: issue.message, code: issue.code });
  }
  if (faults.length) throw invalid(faults);
  return values as Values<Shapes>;
}
