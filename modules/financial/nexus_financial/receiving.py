"""Receiving money: a batch of transfers becomes payments, entries and events in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from nexus_kit import Tx, new_id

from . import chart, ledger, periods
from .service import module

_CHARGES = """
SELECT c.txid, c.state AS charge_state, c.amount, i.id AS invoice_id, i.order_id, i.number,
       i.state AS invoice_state, i.order_number, i.trace
  FROM charges c JOIN invoices i ON i.id = c.invoice_id
 WHERE c.txid = ANY($2::text[]) AND c.company_id = $1
 ORDER BY c.txid FOR UPDATE OF i, c
"""
_PAYMENTS = """
INSERT INTO payments (id, company_id, method, end_to_end_id, txid, invoice_id, order_id, amount, received_at)
SELECT p.id, $1, 'pix', p.end_to_end_id, p.txid, p.invoice_id, p.order_id, p.amount, p.received_at
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::numeric[], $8::timestamptz[])
       AS p (id, end_to_end_id, txid, invoice_id, order_id, amount, received_at)
ON CONFLICT (company_id, end_to_end_id) DO NOTHING
RETURNING id
"""
_APPLY = """
WITH settled AS (
    UPDATE invoices SET state = 'paid', paid_at = now()
           WHERE id = ANY($2::uuid[]) AND company_id = $1 RETURNING id),
done AS (
    UPDATE charges SET state = 'paid' WHERE txid = ANY($3::text[]) AND company_id = $1 RETURNING txid)
INSERT INTO refunds (id, company_id, payment_id, amount, reason)
SELECT r.id, $1, r.payment_id, r.amount, r.reason
  FROM unnest($4::uuid[], $5::uuid[], $6::numeric[], $7::text[]) AS r (id, payment_id, amount, reason)
"""

received_total = module.counter("financial_payments_total", "Payments received")
unapplied_total = module.counter("financial_unapplied_payments_total", "Payments owed back to the payer")


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money the provider received for a charge of this company."""

    txid: str
    end_to_end_id: str
    amount: Decimal
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Payment:
    """A transfer and what to do with it: `refusal` is None when it pays its invoice."""

    id: UUID
    transfer: Transfer
    charge: Any
    refusal: str | None


def refusal(charge: Any, amount: Decimal) -> str | None:
    """Why a transfer cannot pay the charge's invoice; None when it does."""
    if charge["invoice_state"] == "paid":
        return "The invoice was already paid"
    if charge["invoice_state"] == "reversed":
        return "The invoice was reversed before the payment"
    if charge["charge_state"] == "expired":
        return "Paid after the charge had expired"
    if amount != charge["amount"]:
        return f"Paid {amount}, the charge is of {charge['amount']}"
    return None


def judge(transfers: Sequence[Transfer], charges: dict[str, Any]) -> list[Payment]:
    """Decide each transfer; of several for one charge only the first can pay it."""
    payments: list[Payment] = []
    taken: set[str] = set()
    for transfer in sorted(transfers, key=lambda t: (t.paid_at, t.end_to_end_id)):
        charge = charges[transfer.txid]
        reason = refusal(charge, transfer.amount)
        if reason is None and transfer.txid in taken:
            reason = "The charge was paid twice"
        if reason is None:
            taken.add(transfer.txid)
        payments.append(Payment(new_id(), transfer, charge, reason))
    return payments


async def receive(tx: Tx, company_id: UUID, transfers: Sequence[Transfer]) -> int:
    """Apply the transfers that are news; each counts once by its end-to-end id.

    Returns how many were news.
    """
    rows = await tx.fetch(_CHARGES, company_id, sorted({transfer.txid for transfer in transfers}))
    charges = {row["txid"]: row for row in rows}
    known = await tx.fetch(
        "SELECT end_to_end_id FROM payments WHERE company_id = $1 AND end_to_end_id = ANY($2::text[])",
        company_id,
        [transfer.end_to_end_id for transfer in transfers],
    )
    old = {row["end_to_end_id"] for row in known}
    news = [t for t in transfers if t.end_to_end_id not in old and t.txid in charges]
    payments = judge(news, charges)
    if not payments:
        return 0
    where = await periods.open_posting(tx, company_id)
    await _store(tx, company_id, payments)
    applied = [payment for payment in payments if payment.refusal is None]
    refused = [payment for payment in payments if payment.refusal is not None]
    await tx.execute(
        _APPLY,
        company_id,
        [payment.charge["invoice_id"] for payment in applied],
        [payment.transfer.txid for payment in applied],
        [new_id() for _ in refused],
        [payment.id for payment in refused],
        [payment.transfer.amount for payment in refused],
        [payment.refusal for payment in refused],
    )
    await ledger.post(tx, company_id, where, entries(await chart.roles(tx, company_id), payments))
    for payment in applied:
        data = {
            "order_id": str(payment.charge["order_id"]),
            "invoice_id": str(payment.charge["invoice_id"]),
            "payment_id": str(payment.id),
            "amount": str(payment.transfer.amount),
        }
        noted = {**data, "order_number": payment.charge["order_number"]}
        await tx.publish(
            "payment.received",
            payment.id,
            data,
            company_id=company_id,
            trace=payment.charge["trace"],
            noted=noted,
        )
    tx.after_commit(lambda: _count(len(payments), len(refused)))
    return len(payments)


def _count(received: int, unapplied: int) -> None:
    received_total.inc(received)
    unapplied_total.inc(unapplied)


async def _store(tx: Tx, company_id: UUID, payments: Sequence[Payment]) -> None:
    """Insert the payments.

    Their charges are locked, so another transaction can no longer bring the same ones.
    """
    stored = await tx.fetch(
        _PAYMENTS,
        company_id,
        [payment.id for payment in payments],
        [payment.transfer.end_to_end_id for payment in payments],
        [payment.transfer.txid for payment in payments],
        [payment.charge["invoice_id"] if payment.refusal is None else None for payment in payments],
        [payment.charge["order_id"] for payment in payments],
        [payment.transfer.amount for payment in payments],
        [payment.transfer.paid_at for payment in payments],
    )
    if len(stored) != len(payments):
        raise RuntimeError("the provider gave one end-to-end id to two charges of this company")


def entries(account: chart.Roles, payments: Sequence[Payment]) -> list[ledger.Entry]:
    """Money in transit against the receivable, or against what is owed back when it pays nothing."""
    return [
        ledger.transfer(
            "payment",
            payment.id,
            f"PIX {payment.transfer.end_to_end_id}, invoice {payment.charge['number']}"
            + ("" if payment.refusal is None else " (unapplied)"),
            payment.transfer.amount,
            debit=account["pix_clearing"],
            credit=account["receivable" if payment.refusal is None else "refund_payable"],
        )
        for payment in payments
    ]
