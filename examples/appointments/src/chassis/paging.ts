/** Lists in pages: `?limit=50&cursor=…` in, `{"items": […], "next": cursor or null}` out. */
import { z } from "zod";
import { Problem } from "./problems.js";

/** The query of a list. */
export const pagingQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Items per page."),
  cursor: z.string().max(500).optional().describe("`next` of the previous page."),
});

/** The answer of a list of `item`. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** Makes a page of rows that were fetched with one more than `limit`; `position` names a row's place. */
export function page<Row, Item>(
  rows: readonly Row[],
  limit: number,
  position: (row: Row) => readonly string[],
  item: (row: Row) => Item,
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(item),
    next: rows.length > limit && last !== undefined ? encodeCursor(position(last)) : null,
  };
}

/** Packs the place of a row into an opaque text. */
export function encodeCursor(values: readonly string[]): string {
  return Buffer.from(JSON.stringify(values)).toString("base64url");
}

/** Unpacks a cursor with `shape`; a made-up one is a 404 problem. */
export function decodeCursor<T>(cursor: string, shape: z.ZodType<T>): T {
  try {
    return shape.parse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
  } catch {
    throw new Problem(404, "no-such-page", "There is no page at this cursor: take it from `next` of the last page.");
  }
}
