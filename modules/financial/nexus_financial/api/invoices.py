"""/api/financial/invoices: what customers owe and owed."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from nexus_kit import Page, Principal, problem, require
from nexus_kit.paging import Paging, paging
from pydantic import BaseModel

from ..service import module
from .models import Charge, Invoice, InvoiceState, Payment

router = APIRouter(prefix="/api/financial/invoices", tags=["invoices"])

_COLUMNS = """
id, number, order_id, order_number, customer_id, currency, total, state, txid, issue_date, due_date, paid_at,
reversed_at, created_at
"""
_LIST = f"""
SELECT {_COLUMNS} FROM invoices
 WHERE company_id = $1 AND ($2::bigint IS NULL OR number < $2) AND ($3::text IS NULL OR state = $3)
   AND ($4::uuid IS NULL OR order_id = $4) AND ($5::uuid IS NULL OR customer_id = $5)
 ORDER BY number DESC LIMIT $6
"""
_ONE = f"SELECT {_COLUMNS}, lines FROM invoices WHERE company_id = $1 AND id = $2"
_NOTE = "SELECT id, number, total, reason FROM credit_notes WHERE company_id = $1 AND invoice_id = $2"
_PAYMENT = """
SELECT id, method, end_to_end_id, txid, invoice_id, order_id, amount, currency, received_at, reconciled_at,
       created_at
  FROM payments WHERE company_id = $1 AND invoice_id = $2
"""
_CHARGE = """
SELECT txid, invoice_id, order_id, amount, currency, state, copy_paste, expires_at, created_at
  FROM charges WHERE company_id = $1 AND invoice_id = $2
"""

Reader = Annotated[Principal, Depends(require("financial.invoice.read"))]


class CreditNote(BaseModel):
    """The document that takes an invoice back."""

    id: UUID
    number: int
    total: Decimal
    reason: str


class InvoiceDetail(Invoice):
    """An invoice with its lines as sold, its charge, payment and credit note."""

    lines: list[dict[str, Any]]
    charge: Charge | None
    payment: Payment | None
    credit_note: CreditNote | None


@router.get("", response_model=Page[Invoice])
async def list_invoices(
    who: Reader,
    page: Annotated[Paging, Depends(paging)],
    state: InvoiceState | None = None,
    order_id: UUID | None = None,
    customer_id: UUID | None = None,
) -> Any:
    """Invoices, the highest number first."""
    args = (who.company_id, page.value(0, int), state, order_id, customer_id, page.limit + 1)
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(_LIST, *args)
    return page.page(rows, "number")


@router.get("/{invoice_id}")
async def get_invoice(invoice_id: UUID, who: Reader) -> InvoiceDetail:
    """One invoice with its lines and what became of it."""
    async with module.db.read(who.company_id) as tx:
        row = await tx.fetchrow(_ONE, who.company_id, invoice_id)
        if row is None:
            raise problem(404, "invoice-not-found", "There is no such invoice.")
        charge = await tx.fetchrow(_CHARGE, who.company_id, invoice_id)
        payment = await tx.fetchrow(_PAYMENT, who.company_id, invoice_id)
        note = await tx.fetchrow(_NOTE, who.company_id, invoice_id)
    return InvoiceDetail(
        **row,
        charge=None if charge is None else Charge(**charge),
        payment=None if payment is None else Payment(**payment),
        credit_note=None if note is None else CreditNote(**note),
    )
