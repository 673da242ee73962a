/** Events as handlers see them, and as they travel in a stream. */
import { z } from "zod";
import type { Tx } from "../database.js";
import { pairs } from "../redis.js";

/** The stream that carries the events of `module`. */
export function streamOf(module: string): string {
  return `nexus:events:${module}`;
}

const uuid = z.guid().toLowerCase();
const shape = z.object({
  id: uuid,
  type: z.string(),
  entity: uuid,
  company: uuid,
  at: z.iso.datetime({ offset: true }),
  data: z.string().transform((text) => z.record(z.string(), z.unknown()).parse(JSON.parse(text))),
  trace: z.string().optional(),
});

/** A fact that another module told: `type` of `module` about `entity` of `company`. */
export interface Event {
  readonly id: string;
  readonly type: string;
  readonly module: string;
  readonly entity: string;
  readonly company: string;
  /** When it became true: ISO 8601, to the microsecond, which a Date would cut off. */
  readonly at: string;
  readonly data: Record<string, unknown>;
  readonly trace?: string | undefined;
}

/** Reads a stream entry (a flat list of fields and values). Throws when it is no event. */
export function readEvent(module: string, fields: readonly unknown[]): Event {
  return { module, ...shape.parse(pairs(fields)) };
}

/** Thrown by a handler: what this event builds on has not arrived yet; try again later. */
export class NotYet extends Error {}

/** Does an event's work inside the transaction that also notes it as handled. */
export type Handler = (tx: Tx, event: Event) => Promise<void>;

/** Handlers by module, then by type of event. */
export type Handlers = Readonly<Record<string, Readonly<Record<string, Handler>>>>;
