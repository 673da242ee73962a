/** Repeated requests: the answer to an Idempotency-Key is stored with the effect and given again. */
import { createHash } from "node:crypto";
import type { Person } from "./auth.js";
import type { Database, Tx } from "./database.js";
import { Problem, Unavailable } from "./problems.js";

/** What an Idempotency-Key looks like. */
export const KEY = /^[A-Za-z0-9_.:+/=@-]{1,200}$/;

/** What an operation answers. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

/** The key of a request (undefined: none was sent) and a hash over all that it says. */
export interface Idempotency {
  readonly key: string | undefined;
  readonly hash: string;
}

/** Reads the header. Throws a 422 problem when it is malformed. */
export function readIdempotency(key: string | undefined, method: string, url: string, body: Buffer): Idempotency {
  if (key !== undefined && !KEY.test(key))
    throw new Problem(422, "invalid-header", "Idempotency-Key: 1 to 200 of A-Z a-z 0-9 _ . : + / = @ -");
  return { key, hash: createHash("sha256").update(`${method}\n${url}\n`).update(body).digest("hex") };
}

/** Carries `work` out once per key, in one transaction with its stored answer; the same key again gives that answer. */
export async function writeOnce(
  database: Database,
  who: Person,
  idempotency: Idempotency,
  work: (tx: Tx) => Promise<Answer>,
): Promise<Answer> {
  const { key } = idempotency;
  if (key === undefined) return database.write(who.company, work);
  const wanted = createHash("sha256").update(`${who.user}\n${idempotency.hash}`).digest("hex");
  return database.write(who.company, async (tx) => {
    // waits for another request with this key, if one is in hand
    const taken = await tx.db.$executeRaw`
      INSERT INTO idempotency (company_id, key, request_hash) VALUES (${who.company}::uuid, ${key}, ${wanted})
      ON CONFLICT DO NOTHING`;
    if (taken === 0) return replay(tx, who.company, key, wanted);
    const answer = await work(tx);
    await tx.db.idempotency.update({
      where: { companyId_key: { companyId: who.company, key } },
      data: { status: answer.status, headers: answer.headers ?? {}, body: Buffer.from(JSON.stringify(answer.body)) },
    });
    return answer;
  });
}

async function replay(tx: Tx, companyId: string, key: string, wanted: string): Promise<Answer> {
  const found = await tx.db.idempotency.findUnique({ where: { companyId_key: { companyId, key } } });
  if (!found?.body || found.status === null)
    throw new Unavailable("The first request with this Idempotency-Key was undone just now. Send it again.");
  if (found.requestHash !== wanted)
    throw new Problem(409, "idempotency-key-reused", "This Idempotency-Key was used with another request.");
  return {
    status: found.status,
    body: JSON.parse(Buffer.from(found.body).toString()) as unknown,
    headers: { ...(found.headers as Record<string, string> | null), "Idempotency-Replayed": "true" },
  };
}
