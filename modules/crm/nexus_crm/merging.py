"""Merging duplicates: what belonged to the duplicate moves to the customer that is kept."""

from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Response
from nexus_kit import Tx, problem

from nexus_crm.chassis import module
from nexus_crm.customers import COLUMNS, Idem, Writer, announce, as_customer
from nexus_crm.models import Customer, Merge

router = APIRouter(prefix="/api/crm/customers", tags=["customers"])


@router.post("/{customer_id}/merge", response_model=Customer)
async def merge_customer(who: Writer, idem: Idem, customer_id: UUID, merge: Merge) -> Response:
    """Merge a duplicate into this customer: contacts, interactions and leads move, then it is closed."""
    if merge.duplicate_id == customer_id:
        raise problem(422, "same-customer", "A customer cannot be merged into itself.", field="duplicate_id")
    async with module.db.write(who, idem) as tx:
        kept, duplicate = await _lock_both(tx, who.company_id, customer_id, merge.duplicate_id)
        for row in (kept, duplicate):
            if row["status"] == "merged":
                raise problem(
                    409, "customer-merged", f"Customer {row['id']} was already merged into another."
                )
        row = await _move(tx, who.company_id, customer_id, merge.duplicate_id)
        await tx.publish(
            "customer.merged",
            customer_id,
            {"customer_id": str(customer_id), "duplicate_id": str(merge.duplicate_id)},
        )
        await announce(tx, "customer.updated", row)
        return tx.respond(200, as_customer(row))


async def _lock_both(tx: Tx, company_id: UUID, kept_id: UUID, duplicate_id: UUID) -> tuple[Record, Record]:
    """Lock both rows in the order of their ids, so that two opposite merges cannot deadlock."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM customers"
        " WHERE company_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR UPDATE",
        company_id,
        [kept_id, duplicate_id],
    )
    found = {row["id"]: row for row in rows}
    for wanted in (kept_id, duplicate_id):
        if wanted not in found:
            raise problem(404, "customer-not-found", f"There is no customer {wanted}.")
    return found[kept_id], found[duplicate_id]


async def _move(tx: Tx, company_id: UUID, kept_id: UUID, duplicate_id: UUID) -> Record:
    """Repoint what belongs to the duplicate, close it, and fill what the kept customer lacks from it."""
    for table, column in (
        ("contacts", "customer_id"),
        ("interactions", "customer_id"),
        ("leads", "customer_id"),
        ("customers", "merged_into"),
    ):
        await tx.execute(
            f"UPDATE {table} SET {column} = $2 WHERE company_id = $1 AND {column} = $3",
            company_id,
            kept_id,
            duplicate_id,
        )
    await tx.execute(
        """UPDATE customers SET status = 'merged', merged_into = $2, merged_at = now(), updated_at = now()
           WHERE company_id = $1 AND id = $3""",
        company_id,
        kept_id,
        duplicate_id,
    )
    row: Record = await tx.fetchrow(
        """UPDATE customers k
           SET email = coalesce(k.email, d.email), phone = coalesce(k.phone, d.phone),
               city = coalesce(k.city, d.city), state = coalesce(k.state, d.state), updated_at = now()
           FROM customers d
           WHERE k.company_id = $1 AND k.id = $2 AND d.company_id = $1 AND d.id = $3
           RETURNING """
        + ", ".join(f"k.{column}" for column in COLUMNS.split(", ")),
        company_id,
        kept_id,
        duplicate_id,
    )
    return row
