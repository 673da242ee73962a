"""The people to reach at a customer."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from nexus_kit import Page, Paging, paging, problem

from nexus_crm.chassis import module
from nexus_crm.customers import Idem, Reader, Writer, one
from nexus_crm.models import Contact, NewContact

router = APIRouter(prefix="/api/crm/customers", tags=["contacts"])
COLUMNS = "id, customer_id, name, role, email, phone, created_at"


@router.get("/{customer_id}/contacts")
async def list_contacts(
    who: Reader, customer_id: UUID, pages: Annotated[Paging, Depends(paging)]
) -> Page[Contact]:
    """The contacts of a customer, the oldest first."""
    async with module.db.read(who.company_id) as tx:
        await one(tx, who.company_id, customer_id)
        rows = await tx.fetch(
            f"""SELECT {COLUMNS} FROM contacts
                WHERE company_id = $1 AND customer_id = $2
                  AND ($3::timestamptz IS NULL OR (created_at, id) > ($3, $4::uuid))
                ORDER BY created_at, id LIMIT $5""",
            who.company_id,
            customer_id,
            pages.value(0, datetime.fromisoformat),
            pages.value(1, UUID),
            pages.limit + 1,
        )
    return Page[Contact](**pages.page(rows, "created_at", "id"))


@router.post("/{customer_id}/contacts", status_code=201, response_model=Contact)
async def create_contact(who: Writer, idem: Idem, customer_id: UUID, new: NewContact) -> Response:
    """Add a contact to a customer; one that was merged takes none."""
    async with module.db.write(who, idem) as tx:
        customer = await one(tx, who.company_id, customer_id, lock=True)
        if customer["status"] == "merged":
            raise problem(409, "customer-merged", "This customer was merged: use the one it was merged into.")
        row = await tx.fetchrow(
            f"""INSERT INTO contacts (company_id, customer_id, name, role, email, phone)
                VALUES ($1, $2, $3, $4, $5, $6) RETURNING {COLUMNS}""",
            who.company_id,
            customer_id,
            new.name,
            new.role,
            new.email,
            new.phone,
        )
        return tx.respond(201, Contact(**row))
