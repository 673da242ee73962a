"""Cancelled orders: a credit note takes the invoice back, and what was paid is owed to the customer."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from nexus_kit import SYNTHETIC_COMPANY, Event, Tx, new_id

from . import chart, ledger, periods
from .invoicing import next_numbers, txid_of
from .money import total
from .service import module

_CANCELLED = """
INSERT INTO orders AS o (company_id, order_id, cancelled_at, cancel_reason)
SELECT $1, n.order_id, n.at, n.reason
  FROM unnest($2::uuid[], $3::timestamptz[], $4::text[]) AS n (order_id, at, reason)
 ORDER BY n.order_id
ON CONFLICT (company_id, order_id) DO UPDATE
   SET cancelled_at = EXCLUDED.cancelled_at, cancel_reason = EXCLUDED.cancel_reason
 WHERE o.cancelled_at IS NULL
RETURNING order_id, invoice_id, cancel_reason
"""

_TO_REVERSE = """
SELECT i.id, i.order_id, i.order_number, i.number, i.total, i.txid, e.id AS entry_id,
       p.id AS payment_id, p.amount AS paid
  FROM invoices i
  LEFT JOIN entries e ON e.source_id = i.id AND e.kind = 'invoice'
  LEFT JOIN payments p ON p.invoice_id = i.id
 WHERE i.id = ANY($2::uuid[]) AND i.company_id = $1 AND i.state <> 'reversed'
 ORDER BY i.id
"""

_LOCK = "SELECT id FROM invoices WHERE id = ANY($2::uuid[]) AND company_id = $1 ORDER BY id FOR UPDATE"
_LOCK_CHARGES = (
    "SELECT 1 FROM charges WHERE txid = ANY($2::text[]) AND company_id = $1 ORDER BY txid FOR UPDATE"
)

_REVERSE = """
WITH reversed AS (
    UPDATE invoices SET state = 'reversed', reversed_at = now()
     WHERE id = ANY($2::uuid[]) AND company_id = $1 RETURNING id),
withdrawn AS (
    UPDATE charges SET state = 'cancelling'
     WHERE txid = ANY($3::text[]) AND company_id = $1 AND state IN ('requested', 'active') RETURNING txid),
owed AS (
    INSERT INTO refunds (id, company_id, payment_id, amount, reason)
    SELECT r.id, $1, r.payment_id, r.amount, r.reason
      FROM unnest($4::uuid[], $5::uuid[], $6::numeric[], $7::text[]) AS r (id, payment_id, amount, reason)
    RETURNING id)
INSERT INTO credit_notes (id, company_id, number, invoice_id, total, reason)
SELECT c.id, $1, c.number, c.invoice_id, c.total, c.reason
  FROM unnest($8::uuid[], $9::bigint[], $2::uuid[], $10::numeric[], $11::text[])
       AS c (id, number, invoice_id, total, reason)
"""


@module.on_batch("sales", "order.cancelled")
async def order_cancelled(tx: Tx, events: list[Event]) -> None:
    """Reverse the cancelled orders' invoices. An order not invoiced yet is remembered and never will be."""
    company_id = events[0].company_id
    if company_id == SYNTHETIC_COMPANY:
        return
    cancelled = {UUID(event.data["order_id"]): event for event in events}
    rows = await tx.fetch(
        _CANCELLED,
        company_id,
        list(cancelled),
        [event.occurred_at for event in cancelled.values()],
        [event.data.get("reason") or "cancelled" for event in cancelled.values()],
    )
    reasons = {row["invoice_id"]: row["cancel_reason"] for row in rows if row["invoice_id"] is not None}
    if reasons:
        await reverse(tx, company_id, reasons, cancelled)


async def reverse(tx: Tx, company_id: UUID, reasons: dict[UUID, str], causes: Mapping[UUID, Event]) -> None:
    """Give each invoice (id -> reason) its credit note, mirror its entry, withdraw its charge, owe
    what was paid. `causes`: the cancellations by order id.
    """
    await tx.execute(_LOCK, company_id, list(reasons))
    await tx.execute(_LOCK_CHARGES, company_id, [txid_of(invoice_id) for invoice_id in reasons])
    invoices = await tx.fetch(_TO_REVERSE, company_id, list(reasons))
    if not invoices:
        return
    account = await chart.roles(tx, company_id)
    where = await periods.open_posting(tx, company_id)
    numbers = await next_numbers(tx, company_id, "credit_note", len(invoices))
    notes = [new_id() for _ in invoices]
    paid = [invoice for invoice in invoices if invoice["payment_id"] is not None]
    refunds = [new_id() for _ in paid]
    await tx.execute(
        _REVERSE,
        company_id,
        [invoice["id"] for invoice in invoices],
        [invoice["txid"] for invoice in invoices if invoice["txid"] is not None],
        refunds,
        [invoice["payment_id"] for invoice in paid],
        [invoice["paid"] for invoice in paid],
        [f"Order cancelled: {reasons[invoice['id']]}" for invoice in paid],
        notes,
        list(numbers),
        [invoice["total"] for invoice in invoices],
        [reasons[invoice["id"]] for invoice in invoices],
    )
    entries = [
        *credit_entries(account, list(zip(notes, numbers, invoices, strict=True))),
        *refund_entries(account, list(zip(refunds, paid, strict=True))),
    ]
    await ledger.post(tx, company_id, where, entries)
    for note, invoice in zip(notes, invoices, strict=True):
        data = {
            "order_id": str(invoice["order_id"]),
            "invoice_id": str(invoice["id"]),
            "credit_note_id": str(note),
        }
        noted = {**data, "order_number": invoice["order_number"], "total": str(invoice["total"])}
        cause = causes[invoice["order_id"]]
        await tx.publish("invoice.reversed", invoice["id"], data, cause=cause, noted=noted)
    tx.after_commit(lambda: module.wake("tell_psp"))


def credit_entries(account: chart.Roles, notes: Sequence[tuple[UUID, int, Any]]) -> list[ledger.Entry]:
    """The mirror of each invoice's entry: revenue back, receivable gone. Free invoices had none."""
    return [
        ledger.transfer(
            "credit_note",
            note,
            f"Credit note {number} for invoice {invoice['number']}",
            invoice["total"],
            debit=account["revenue"],
            credit=account["receivable"],
            reversal_of=invoice["entry_id"],
        )
        for note, number, invoice in notes
        if invoice["entry_id"] is not None
    ]


def refund_entries(account: chart.Roles, refunds: Sequence[tuple[UUID, Any]]) -> list[ledger.Entry]:
    """What was paid on a reversed invoice is no longer a settled receivable but a debt to the customer."""
    return [
        ledger.transfer(
            "refund",
            refund,
            f"Refund payable for invoice {invoice['number']}",
            total([invoice["paid"]]),
            debit=account["receivable"],
            credit=account["refund_payable"],
        )
        for refund, invoice in refunds
    ]
