"""/api/financial: reconciliation, refunds, receivables' ageing, trial balance and summary."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from nexus_kit import Idempotency, Principal, idempotency, require
from pydantic import BaseModel, Field

from .. import ageing, refunds
from ..periods import books_today
from ..service import module
from .models import Input, Payment

router = APIRouter(prefix="/api/financial", tags=["overview"])

LISTED = 200

_PAYMENTS = """
SELECT id, method, end_to_end_id, txid, invoice_id, order_id, amount, currency, received_at, reconciled_at,
       created_at
  FROM payments WHERE company_id = $1 AND reconciled_at IS NULL ORDER BY created_at LIMIT $2
"""
_SETTLEMENTS = """
SELECT end_to_end_id, txid, amount, settled_at FROM unmatched_settlements WHERE company_id = $1
 ORDER BY created_at LIMIT $2
"""
_REFUNDS = """
SELECT r.id, r.payment_id, p.end_to_end_id, p.order_id, r.amount, r.reason, r.state, r.created_at
  FROM refunds r JOIN payments p ON p.id = r.payment_id
 WHERE r.company_id = $1 AND r.state = 'payable' ORDER BY r.created_at LIMIT $2
"""
_COUNTS = """
SELECT (SELECT count(*) FROM payments WHERE company_id = $1 AND reconciled_at IS NULL) AS payments,
       (SELECT count(*) FROM unmatched_settlements WHERE company_id = $1) AS settlements,
       (SELECT count(*) FROM refunds WHERE company_id = $1 AND state = 'payable') AS refunds
"""
_TRIAL = """
SELECT a.code, a.name_pt, a.name_en, a.type, sum(l.debit) AS debit, sum(l.credit) AS credit,
       sum(l.debit - l.credit) AS balance
  FROM periods p JOIN entries e ON e.company_id = p.company_id AND e.period_id = p.id
  JOIN entry_lines l ON l.entry_id = e.id JOIN accounts a ON a.id = l.account_id
 WHERE p.company_id = $1 AND p.month = $2 AND e.state = 'posted'
 GROUP BY a.id ORDER BY string_to_array(a.code, '.')::bigint[]
"""


class Settlement(BaseModel):
    """Money the PSP settled without a payment here."""

    end_to_end_id: str
    txid: str
    amount: Decimal
    settled_at: datetime


class Refund(BaseModel):
    """Money owed back to a payer."""

    id: UUID
    payment_id: UUID
    end_to_end_id: str
    order_id: UUID | None
    amount: Decimal
    reason: str
    state: Literal["payable", "paid"]
    created_at: datetime


class Counts(BaseModel):
    """How many there are in all."""

    payments: int
    settlements: int
    refunds: int


class Reconciliation(BaseModel):
    """What is not matched, oldest first (at most 200 of each kind), and how many there are in all."""

    counts: Counts
    payments: list[Payment]
    settlements: list[Settlement]
    refunds: list[Refund]


class Balance(BaseModel):
    """An account's movement in a month."""

    code: str
    name_pt: str
    name_en: str
    type: str
    debit: Decimal
    credit: Decimal
    balance: Decimal


class RefundPaid(Input):
    """How the money went back."""

    reference: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[ -~]+$")]


@router.get("/reconciliation")
async def reconciliation(
    who: Annotated[Principal, Depends(require("financial.payment.read"))],
) -> Reconciliation:
    """Payments not settled yet, settlements without a payment, and refunds owed."""
    async with module.db.read(who.company_id) as tx:
        counts = await tx.fetchrow(_COUNTS, who.company_id)
        payments = await tx.fetch(_PAYMENTS, who.company_id, LISTED)
        settlements = await tx.fetch(_SETTLEMENTS, who.company_id, LISTED)
        owed = await tx.fetch(_REFUNDS, who.company_id, LISTED)
    return Reconciliation(
        counts=Counts(**counts),
        payments=[Payment(**row) for row in payments],
        settlements=[Settlement(**row) for row in settlements],
        refunds=[Refund(**row) for row in owed],
    )


@router.post("/refunds/{refund_id}/pay", response_model=Refund)
async def pay_refund(
    refund_id: UUID,
    body: RefundPaid,
    who: Annotated[Principal, Depends(require("financial.payment.write"))],
    idem: Annotated[Idempotency, Depends(idempotency)],
) -> Response:
    """Record that a refund left the bank account."""
    async with module.db.write(who, idem) as tx:
        return tx.respond(200, Refund(**await refunds.pay(tx, who.company_id, refund_id, body.reference)))


@router.get("/receivables/ageing")
async def receivables_ageing(
    who: Annotated[Principal, Depends(require("financial.invoice.read"))],
) -> ageing.Ageing:
    """Open invoices by how long they are overdue today."""
    async with module.db.read(who.company_id) as tx:
        return await ageing.ageing(tx, who.company_id, books_today())


@router.get("/trial-balance")
async def trial_balance(
    who: Annotated[Principal, Depends(require("financial.entry.read"))],
    period: Annotated[str, Query(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-10"])],
) -> list[Balance]:
    """Each account's movement in a month; debits and credits are equal in sum."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(_TRIAL, who.company_id, date.fromisoformat(f"{period}-01"))
    return [Balance(**row) for row in rows]


@router.get("/summary")
async def summary(who: Annotated[Principal, Depends(require("financial.invoice.read"))]) -> ageing.Summary:
    """The figures of a dashboard."""
    async with module.db.read(who.company_id) as tx:
        return await ageing.summary(tx, who.company_id, books_today())
