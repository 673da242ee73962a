"""Refunds: money that paid nothing, or paid an invoice taken back since, leaves the bank again."""

from typing import Any
from uuid import UUID

from nexus_kit import Tx, problem

from . import chart, ledger, periods

_REFUND = """
SELECT r.id, r.payment_id, p.end_to_end_id, p.order_id, r.amount, r.reason, r.state, r.created_at
  FROM refunds r JOIN payments p ON p.id = r.payment_id
 WHERE r.company_id = $1 AND r.id = $2 FOR UPDATE OF r
"""
_PAID = "UPDATE refunds SET state = 'paid', paid_at = now(), reference = $3 WHERE company_id = $1 AND id = $2"


async def pay(tx: Tx, company_id: UUID, refund_id: UUID, reference: str) -> dict[str, Any]:
    """Post that the refund was paid from the bank; returns its row.

    Problems: 404 unknown, 409 paid already.
    """
    refund = await tx.fetchrow(_REFUND, company_id, refund_id)
    if refund is None:
        raise problem(404, "refund-not-found", "There is no such refund.")
    if refund["state"] == "paid":
        raise problem(409, "refund-paid", "The refund is paid already.")
    account = await chart.roles(tx, company_id)
    entry = ledger.transfer(
        "refund_paid",
        refund_id,
        f"Refund {reference} of {refund['end_to_end_id']}",
        refund["amount"],
        debit=account["refund_payable"],
        credit=account["bank"],
    )
    await ledger.post(tx, company_id, await periods.open_posting(tx, company_id), [entry])
    await tx.execute(_PAID, company_id, refund_id, reference)
    return {**refund, "state": "paid"}
