"""Invoicing a batch of shipped orders: numbers, invoices, charges, entries and events in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from nexus_kit import Event, Tx

from . import chart, ledger, periods
from .service import module, settings

_NUMBERS = """
INSERT INTO number_series AS s (company_id, series, last) VALUES ($1, $2, $3)
ON CONFLICT (company_id, series) DO UPDATE SET last = s.last + EXCLUDED.last
RETURNING last
"""

_INVOICES = """
WITH issued AS (
    INSERT INTO invoices (id, company_id, number, order_id, order_number, customer_id, currency, total, lines,
                          state, paid_at, txid, issue_date, due_date, trace)
    SELECT o.invoice_id, $1, n.number, o.order_id, o.number, o.customer_id, o.currency, o.total, o.lines,
           CASE WHEN o.total > 0 THEN 'posted' ELSE 'paid' END, CASE WHEN o.total = 0 THEN now() END,
           n.txid, $2, $3, n.trace
      FROM unnest($4::uuid[], $5::bigint[], $6::text[], $8::text[]) AS n (order_id, number, txid, trace)
      JOIN orders o ON o.company_id = $1 AND o.order_id = n.order_id
    RETURNING id, order_id, total, currency, txid)
INSERT INTO charges (txid, company_id, invoice_id, order_id, amount, currency, expires_at)
SELECT txid, $1, id, order_id, total, currency, $7 FROM issued WHERE total > 0
"""

issued_total = module.counter("financial_invoices_total", "Invoices posted")


async def next_numbers(tx: Tx, company_id: UUID, series: str, count: int) -> range:
    """The next `count` numbers of a gapless series; held by this transaction, returned to nobody if
    it fails.
    """
    last = int(await tx.fetchval(_NUMBERS, company_id, series, count))
    return range(last - count + 1, last + 1)


async def invoice(tx: Tx, company_id: UUID, orders: Sequence[Any], causes: Mapping[UUID, Event]) -> None:
    """Invoice the orders (rows with order_id, number, total, cost, invoice_id) and announce invoice.posted.

    `causes`: the event that made each order billable, by order id; its trace goes on in ours. An order that
    costs the customer nothing is invoiced, has no entry and counts as paid at once.
    """
    if not orders:
        return
    account = await chart.roles(tx, company_id)
    where = await periods.open_posting(tx, company_id)
    numbers = await next_numbers(tx, company_id, "invoice", len(orders))
    await tx.execute(
        _INVOICES,
        company_id,
        where.date,
        where.date + timedelta(days=settings.due_days),
        [order["order_id"] for order in orders],
        list(numbers),
        [txid_of(order["invoice_id"]) if order["total"] else None for order in orders],
        datetime.now(UTC) + settings.charge_ttl,
        [tx.trace_of(causes[order["order_id"]]) for order in orders],
    )
    entries: list[ledger.Entry] = []
    for number, order in zip(numbers, orders, strict=True):
        if order["total"]:
            entries.append(
                ledger.transfer(
                    "invoice",
                    order["invoice_id"],
                    f"Invoice {number}, order {order['number']}",
                    order["total"],
                    debit=account["receivable"],
                    credit=account["revenue"],
                )
            )
        if order["cost"]:
            entries.append(
                ledger.transfer(
                    "cost",
                    order["order_id"],
                    f"Cost of order {order['number']}",
                    order["cost"],
                    debit=account["cost_of_sales"],
                    credit=account["inventory"],
                )
            )
    await ledger.post(tx, company_id, where, entries)
    for number, order in zip(numbers, orders, strict=True):
        await announce(tx, number, order, causes[order["order_id"]])
    tx.after_commit(lambda: _done(len(orders)))


def _done(count: int) -> None:
    issued_total.inc(count)
    module.wake("tell_psp")


async def announce(tx: Tx, number: int, order: Any, cause: Event) -> None:
    """Publish invoice.posted, and for an order without a price that nothing is left to pay."""
    ids = {"order_id": str(order["order_id"]), "invoice_id": str(order["invoice_id"])}
    txid = txid_of(order["invoice_id"]) if order["total"] else None
    data = {**ids, "number": number, "total": str(order["total"]), "txid": txid}
    noted = {**ids, "order_number": order["number"], "invoice_number": str(number), "total": data["total"]}
    await tx.publish("invoice.posted", order["invoice_id"], data, cause=cause, noted=noted)
    if not order["total"]:
        free = {**ids, "payment_id": None}
        paid = {**free, "amount": "0.00"}
        await tx.publish("payment.received", order["invoice_id"], paid, cause=cause, noted=noted)
        await tx.publish("payment.reconciled", order["invoice_id"], free, cause=cause, noted=noted)


def txid_of(invoice_id: UUID) -> str:
    """The charge's id at the PSP (26 to 35 letters and digits): the invoice's, so that asking twice
    is harmless.
    """
    return invoice_id.hex
