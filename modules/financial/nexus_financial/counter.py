"""Payments over the counter: money an operator took outside PIX."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from nexus_kit import Tx, new_id, problem, tracing

from . import chart, ledger, periods
from .money import cents
from .service import module

_INVOICE = """
SELECT id, order_id, order_number, number, total, state, txid, trace FROM invoices
 WHERE company_id = $1 AND id = $2 FOR UPDATE
"""
_PAY = """
WITH settled AS (
    UPDATE invoices SET state = 'paid', paid_at = now() WHERE id = $3 AND company_id = $2 RETURNING id),
withdrawn AS (
    UPDATE charges SET state = 'cancelling'
     WHERE txid = $9 AND company_id = $2 AND state IN ('requested', 'active') RETURNING txid)
INSERT INTO payments (id, company_id, invoice_id, order_id, method, end_to_end_id, amount, received_at,
       reconciled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now())
ON CONFLICT (company_id, end_to_end_id) DO NOTHING RETURNING id
"""


async def pay(
    tx: Tx,
    company_id: UUID,
    invoice_id: UUID,
    amount: Decimal,
    method: str,
    reference: str,
    received_at: datetime | None,
) -> UUID:
    """Settle the invoice with `amount`, straight into the bank account; returns the payment's id.

    Problems: 404 unknown invoice, 409 not open or reference used before,
           422 another amount than the open one.
    """
    invoice = await tx.fetchrow(_INVOICE, company_id, invoice_id)
    if invoice is None:
        raise problem(404, "invoice-not-found", "There is no such invoice.")
    if invoice["state"] != "posted":
        raise problem(409, "invoice-not-open", f"The invoice {invoice['number']} is {invoice['state']}.")
    if cents(amount) != invoice["total"]:
        text = f"The invoice {invoice['number']} is settled in full, with {invoice['total']}."
        raise problem(422, "amount-differs", text, field="amount")
    payment_id = new_id()
    at = received_at or datetime.now(UTC)
    row = (payment_id, company_id, invoice_id, invoice["order_id"], method, f"{method}:{reference}")
    if await tx.fetchval(_PAY, *row, invoice["total"], at, invoice["txid"]) is None:
        raise problem(409, "duplicate-reference", f"{reference} was entered before.", field="reference")
    account = await chart.roles(tx, company_id)
    entry = ledger.transfer(
        "payment",
        payment_id,
        f"{method} {reference}, invoice {invoice['number']}",
        invoice["total"],
        debit=account["bank"],
        credit=account["receivable"],
    )
    await ledger.post(tx, company_id, await periods.open_posting(tx, company_id), [entry])
    data = {
        "order_id": str(invoice["order_id"]),
        "invoice_id": str(invoice_id),
        "payment_id": str(payment_id),
    }
    paid = {**data, "amount": str(invoice["total"])}
    noted = {**paid, "order_number": invoice["order_number"]}
    with tracing.continuing(invoice["trace"], "enter payment", **noted):
        await tx.publish("payment.received", payment_id, paid, noted=noted)
        await tx.publish("payment.reconciled", payment_id, data, noted=noted)
    tx.after_commit(lambda: module.wake("tell_psp"))
    return payment_id
