/** The OpenAPI document, made from the very schemas that check the requests. */
import { z } from "zod";
import { KEY } from "./idempotency.js";
import type { AnyOperation } from "./operations.js";
import { PROBLEM_TYPE } from "./problems.js";

type Json = Record<string, unknown>;

const text = { type: "string" };
const textOrNull = { type: ["string", "null"] };
const PROBLEM = {
  type: "object",
  description: "An error (RFC 9457).",
  required: ["type", "title", "status", "detail"],
  properties: {
    type: { ...text, description: "urn:nexus:problem:<name>" },
    title: text,
    status: { type: "integer" },
    detail: { ...text, description: "One sentence for people." },
    instance: text,
    request_id: textOrNull,
    trace_id: textOrNull,
    errors: { type: "array", items: { type: "object", properties: { field: text, message: text, code: text } } },
  },
};
const PROBLEMS: Record<number, string> = {
  400: "The body cannot be read.",
  401: "The access token is missing, expired or not valid.",
  403: "The permission is missing.",
  404: "There is no such thing (for this company).",
  405: "This address does not know the method.",
  409: "It conflicts with what is there.",
  413: "The body is too large.",
  415: "The body is in an encoding that is not known.",
  422: "The values are not valid.",
  429: "Too many requests.",
  503: "Something needed is away for now; see Retry-After.",
  507: "The database has no room left.",
};

/** Makes the document of a module's operations. */
export function openapi(title: string, version: string, operations: readonly AnyOperation[]): Json {
  const paths: Record<string, Json> = {};
  for (const each of operations) (paths[each.path] ??= {})[each.method] = describe(each);
  return {
    openapi: "3.1.0",
    info: { title, version },
    paths,
    components: {
      schemas: { Problem: PROBLEM },
      securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
    },
  };
}

function describe(operation: AnyOperation): Json {
  const { params, query, body } = operation.shapes;
  const parameters = [...parametersOf("path", params), ...parametersOf("query", query)];
  if (operation.method !== "get") parameters.push(idempotencyKey);
  return {
    summary: operation.summary,
    security: [{ bearer: [] }],
    "x-permissions": operation.permissions,
    parameters,
    ...(body && { requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } } }),
    responses: { ...answersOf(operation), ...problems() },
  };
}

const idempotencyKey: Json = {
  name: "Idempotency-Key",
  in: "header",
  description: "Makes a repeated request safe: it is carried out once, and its answer given again.",
  schema: { type: "string", pattern: KEY.source, maxLength: 200 },
};

function parametersOf(where: "path" | "query", shape: z.ZodObject | undefined): Json[] {
  if (!shape) return [];
  const schema = schemaOf(shape, "input") as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(schema.properties ?? {}).map(([name, { description, ...rest }]) => ({
    name,
    in: where,
    required: where === "path" || (schema.required?.includes(name) ?? false),
    ...(description ? { description } : {}),
    schema: rest,
  }));
}

function answersOf(operation: AnyOperation): Json {
  return Object.fromEntries(
    Object.entries(operation.answers).map(([status, shape]) => [
      status,
      { description: "Done.", content: { "application/json": { schema: schemaOf(shape, "output") } } },
    ]),
  );
}

function problems(): Json {
  const schema = { $ref: "#/components/schemas/Problem" };
  return Object.fromEntries(
    Object.entries(PROBLEMS).map(([status, description]) => [
      status,
      { description, content: { [PROBLEM_TYPE]: { schema } } },
    ]),
  );
}

function schemaOf(shape: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io });
  return schema;
}
