"""Customers: register, change, find."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from asyncpg import Record, UniqueViolationError
from fastapi import APIRouter, Depends, Query, Response
from nexus_kit import Idempotency, Page, Paging, Principal, Tx, idempotency, paging, problem, require

from nexus_crm import search
from nexus_crm.chassis import module
from nexus_crm.models import Customer, CustomerPatch, CustomerStatus, NewCustomer
from nexus_crm.tax_id_input import taken, tax_id_of
from nexus_crm.tax_ids import TaxId

router = APIRouter(prefix="/api/crm/customers", tags=["customers"])
Reader = Annotated[Principal, Depends(require("crm.customer.read"))]
Writer = Annotated[Principal, Depends(require("crm.customer.write"))]
Idem = Annotated[Idempotency, Depends(idempotency)]

COLUMNS = "id, name, tax_id, tax_id_kind, email, phone, city, state, status, merged_into, created_at"


def as_customer(row: Record) -> Customer:
    """A row with COLUMNS as the API shows it."""
    values = dict(row)
    values["tax_id"] = TaxId(row["tax_id_kind"], row["tax_id"]).formatted
    return Customer(**values)


async def announce(tx: Tx, event: str, row: Record) -> None:
    """Tell the other modules what a customer looks like now."""
    await tx.publish(
        event,
        row["id"],
        {
            "customer_id": str(row["id"]),
            "name": row["name"],
            "tax_id": row["tax_id"],
            "email": row["email"],
            "status": row["status"],
        },
    )


async def insert(tx: Tx, company_id: UUID, new: NewCustomer) -> Record:
    """Insert a customer and announce it; raises problems for a bad or taken tax id."""
    tax_id = tax_id_of(new.tax_id)
    try:
        row: Record = await tx.fetchrow(
            f"""INSERT INTO customers (company_id, name, tax_id, tax_id_kind, email, phone, city, state)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {COLUMNS}""",
            company_id,
            new.name,
            tax_id.value,
            tax_id.kind,
            new.email,
            new.phone,
            new.city,
            new.state,
        )
    except UniqueViolationError as error:
        raise taken(error, tax_id) from None
    await announce(tx, "customer.created", row)
    return row


@router.get("")
async def list_customers(
    who: Reader,
    pages: Annotated[Paging, Depends(paging)],
    q: Annotated[
        str, Query(max_length=200, pattern=r"^[^\x00]*$", description="Name, tax id or e-mail")
    ] = "",
    status: CustomerStatus | None = None,
) -> Page[Customer]:
    """Customers, the newest first; merged ones only when asked for by ``status=merged``."""
    found, words = search.condition(q, 3)
    sql = f"""SELECT {COLUMNS} FROM customers
              WHERE company_id = $1 AND {found}
                AND CASE WHEN $2::text IS NULL THEN status <> 'merged' ELSE status = $2 END"""
    args: list[Any] = [who.company_id, status, *words]
    if pages.after is not None:
        args += [pages.value(0, datetime.fromisoformat), pages.value(1, UUID)]
        sql += f" AND (created_at, id) < (${len(args) - 1}::timestamptz, ${len(args)}::uuid)"
    sql += f" ORDER BY created_at DESC, id DESC LIMIT {pages.limit + 1}"
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(sql, *args)
    return Page[Customer](**pages.page(rows, "created_at", "id", item=as_customer))


@router.post("", status_code=201, response_model=Customer)
async def create_customer(who: Writer, idem: Idem, new: NewCustomer) -> Response:
    """Register a customer; its tax id must be free among the company's active customers."""
    async with module.db.write(who, idem) as tx:
        return tx.respond(201, as_customer(await insert(tx, who.company_id, new)))


@router.get("/{customer_id}")
async def get_customer(who: Reader, customer_id: UUID) -> Customer:
    """One customer."""
    async with module.db.read(who.company_id) as tx:
        return as_customer(await one(tx, who.company_id, customer_id))


@router.patch("/{customer_id}", response_model=Customer)
async def change_customer(who: Writer, idem: Idem, customer_id: UUID, patch: CustomerPatch) -> Response:
    """Change fields of a customer; a merged one cannot change."""
    changes: dict[str, Any] = patch.model_dump(exclude_unset=True)
    tax_id = tax_id_of(patch.tax_id) if "tax_id" in changes else None
    if tax_id:
        changes |= {"tax_id": tax_id.value, "tax_id_kind": tax_id.kind}
    async with module.db.write(who, idem) as tx:
        before = await one(tx, who.company_id, customer_id, lock=True)
        if before["status"] == "merged":
            raise problem(
                409, "customer-merged", "This customer was merged: change the one it was merged into."
            )
        if not changes:
            return tx.respond(200, as_customer(before))
        assignments = ", ".join(f"{column} = ${n}" for n, column in enumerate(changes, 3))
        try:
            row = await tx.fetchrow(
                f"UPDATE customers SET {assignments}, updated_at = now()"
                f" WHERE company_id = $1 AND id = $2 RETURNING {COLUMNS}",
                who.company_id,
                customer_id,
                *changes.values(),
            )
        except UniqueViolationError as error:
            raise taken(error, tax_id) from None
        await announce(tx, "customer.updated", row)
        return tx.respond(200, as_customer(row))


async def one(tx: Tx, company_id: UUID, customer_id: UUID, lock: bool = False) -> Record:
    """The customer's row, locked for change if asked; raises a 404 problem."""
    row: Record | None = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM customers WHERE company_id = $1 AND id = $2"
        + (" FOR UPDATE" if lock else ""),
        company_id,
        customer_id,
    )
    if row is None:
        raise problem(404, "customer-not-found", f"There is no customer {customer_id}.")
    return row
