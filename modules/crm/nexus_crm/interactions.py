"""What happened with a customer: calls, meetings, messages."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from nexus_kit import Page, Paging, paging, problem

from nexus_crm.chassis import module
from nexus_crm.customers import Idem, Reader, Writer, one
from nexus_crm.models import Interaction, NewInteraction

router = APIRouter(prefix="/api/crm/customers", tags=["interactions"])
COLUMNS = "id, customer_id, kind, summary, user_id, occurred_at, created_at"


@router.get("/{customer_id}/interactions")
async def list_interactions(
    who: Reader, customer_id: UUID, pages: Annotated[Paging, Depends(paging)]
) -> Page[Interaction]:
    """What happened with a customer, the latest registered first."""
    async with module.db.read(who.company_id) as tx:
        await one(tx, who.company_id, customer_id)
        rows = await tx.fetch(
            f"""SELECT {COLUMNS} FROM interactions
                WHERE company_id = $1 AND customer_id = $2
                  AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
                ORDER BY created_at DESC, id DESC LIMIT $5""",
            who.company_id,
            customer_id,
            pages.value(0, datetime.fromisoformat),
            pages.value(1, UUID),
            pages.limit + 1,
        )
    return Page[Interaction](**pages.page(rows, "created_at", "id"))


@router.post("/{customer_id}/interactions", status_code=201, response_model=Interaction)
async def create_interaction(who: Writer, idem: Idem, customer_id: UUID, new: NewInteraction) -> Response:
    """Register what happened with a customer; one that was merged takes none."""
    async with module.db.write(who, idem) as tx:
        customer = await one(tx, who.company_id, customer_id, lock=True)
        if customer["status"] == "merged":
            raise problem(409, "customer-merged", "This customer was merged: use the one it was merged into.")
        row = await tx.fetchrow(
            f"""INSERT INTO interactions (company_id, customer_id, kind, summary, user_id, occurred_at)
                VALUES ($1, $2, $3, $4, $5, $6) RETURNING {COLUMNS}""",
            who.company_id,
            customer_id,
            new.kind,
            new.summary,
            who.user_id,
            new.occurred_at or datetime.now(UTC),
        )
        return tx.respond(201, Interaction(**row))
