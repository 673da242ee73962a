"""/api/financial/payments: money received, by PIX or entered by hand."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Page, Principal, idempotency, problem, require
from nexus_kit.paging import Paging, paging
from pydantic import AwareDatetime, Field

from .. import counter
from ..money import Amount
from ..service import module
from .models import Input, Payment

router = APIRouter(prefix="/api/financial/payments", tags=["payments"])

_COLUMNS = """
id, method, end_to_end_id, txid, invoice_id, order_id, amount, currency, received_at, reconciled_at,
       created_at
"""
_LIST = f"""
SELECT {_COLUMNS} FROM payments
 WHERE company_id = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::uuid IS NULL OR invoice_id = $3)
   AND ($4::boolean IS NULL OR (reconciled_at IS NOT NULL) = $4)
   AND ($5::boolean IS NULL OR (invoice_id IS NOT NULL) = $5)
 ORDER BY id DESC LIMIT $6
"""
_ONE = f"SELECT {_COLUMNS} FROM payments WHERE company_id = $1 AND id = $2"


class NewPayment(Input):
    """Money an operator received outside PIX; it settles one invoice in full."""

    invoice_id: UUID
    amount: Amount
    method: Literal["transfer", "cash", "card"]
    reference: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[ -~]+$")]
    received_at: AwareDatetime | None = None


@router.get("", response_model=Page[Payment])
async def list_payments(
    who: Annotated[Principal, Depends(require("financial.payment.read"))],
    page: Annotated[Paging, Depends(paging)],
    invoice_id: UUID | None = None,
    reconciled: bool | None = None,
    applied: bool | None = None,
) -> Any:
    """Payments, newest first; `applied=false` lists what is owed back."""
    args = (who.company_id, page.value(0, UUID), invoice_id, reconciled, applied, page.limit + 1)
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(_LIST, *args)
    return page.page(rows, "id")


@router.post("", status_code=201, response_model=Payment)
async def enter_payment(
    body: NewPayment,
    who: Annotated[Principal, Depends(require("financial.payment.write"))],
    idem: Annotated[Idempotency, Depends(idempotency)],
) -> Response:
    """Enter a payment by hand.

    It settles the invoice in full and counts as reconciled; its PIX charge is withdrawn.
    """
    at: datetime | None = body.received_at
    if at is not None and not 2000 <= at.year <= 2100:
        raise problem(422, "invalid-date", "received_at must lie between 2000 and 2100.", field="received_at")
    async with module.db.write(who, idem) as tx:
        payment_id = await counter.pay(
            tx, who.company_id, body.invoice_id, body.amount, body.method, body.reference, at
        )
        return tx.respond(201, Payment(**await tx.fetchrow(_ONE, who.company_id, payment_id)))
