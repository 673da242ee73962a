/** Facts told to other modules: stored with the transaction that makes them true, sent once it commits. */
import type { Prisma } from "../../.prisma/client.js";
import { current } from "../tracing.js";

/** The outgoing events of one transaction. */
export class Outbox {
  /** Whether this transaction told something. */
  told = false;

  constructor(
    private readonly db: Prisma.TransactionClient,
    private readonly company: string,
  ) {}

  /** Tells `type` about `entity`. */
  async publish(type: string, entity: string, data: object): Promise<void> {
    this.told = true;
    await this.db.$executeRaw`
      INSERT INTO outbox (id, type, entity_id, company_id, data, trace)
      VALUES (uuidv7(), ${type}, ${entity}::uuid, ${this.company}::uuid, ${JSON.stringify(data)}::jsonb,
              ${current()?.traceparent ?? null})`;
  }
}
