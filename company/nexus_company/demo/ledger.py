"""Financial's part: periods, invoices, charges, payments, daily reconciliations and the entries of all of them."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg

from nexus_company.timeline import Order, Timeline, uuid7

DUE_AFTER = timedelta(days=7)
CHARGE_LIFE = timedelta(days=45)

_PERIODS = "INSERT INTO periods (company_id, month) SELECT $1, unnest($2::date[]) ON CONFLICT DO NOTHING"
_ORDERS = """
INSERT INTO orders (company_id, order_id, number, customer_id, currency, total, lines, confirmed_at, shipment_id, cost,
                    shipped_at, invoice_id, created_at)
VALUES ($1, $2, $3, $4, 'BRL', $5, $6, $7, $8, $9, $10, $11, $7)
"""
_INVOICES = """
INSERT INTO invoices (company_id, id, number, order_id, order_number, customer_id, total, lines, state, txid,
                      issue_date, due_date, paid_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
_SERIES = "INSERT INTO number_series (company_id, series, last) VALUES ($1, 'invoice', $2)"
_CHARGES = """
INSERT INTO charges (company_id, txid, invoice_id, order_id, amount, state, copy_paste, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_PSP_CHARGES = (
    "INSERT INTO psp_charges (txid, amount, copy_paste, expires_at, created_at) VALUES ($1, $2, $3, $4, $5)"
)
_PSP_PIX = """
INSERT INTO psp_pix (end_to_end_id, txid, amount, paid_at, settlement, settled_at) VALUES ($1, $2, $3, $4, $5, $6)
"""
_PSP_READ = """
INSERT INTO pix_cursor (provider, after) VALUES ('simulator', $1)
ON CONFLICT (provider) DO UPDATE SET after = greatest(pix_cursor.after, EXCLUDED.after)
"""
_PAYMENTS = """
INSERT INTO payments (company_id, id, method, end_to_end_id, txid, invoice_id, order_id, amount, received_at,
                      reconciled_at, reconciliation_id, created_at)
VALUES ($1, $2, 'pix', $3, $4, $5, $6, $7, $8, $9, $10, $8)
"""
_RECONCILIATIONS = """
INSERT INTO reconciliations (company_id, id, payments, total, created_at) VALUES ($1, $2, $3, $4, $5)
"""
_ENTRIES = """
WITH posted AS (
    INSERT INTO entries (id, company_id, period_id, date, kind, source_id, description, total, state, posted_at, created_at)
    SELECT e.id, $1, p.id, e.at::date, e.kind, e.source_id, e.description, e.total, 'posted', e.at, e.at
      FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::uuid[], $6::text[], $7::numeric[])
           AS e (id, at, kind, source_id, description, total)
      JOIN periods p ON p.company_id = $1 AND p.month = date_trunc('month', e.at::date)::date)
INSERT INTO entry_lines (entry_id, position, company_id, account_id, debit, credit)
SELECT e.id, side.position, $1, CASE side.position WHEN 1 THEN e.debit ELSE e.credit END,
       CASE side.position WHEN 1 THEN e.total ELSE 0 END, CASE side.position WHEN 2 THEN e.total ELSE 0 END
  FROM unnest($2::uuid[], $8::uuid[], $9::uuid[], $7::numeric[]) AS e (id, debit, credit, total)
 CROSS JOIN generate_series(1, 2) AS side (position)
"""


@dataclass(frozen=True)
class Entry:
    """`total` moved from the account with role `credit` to the one with role `debit`."""

    id: UUID
    at: datetime
    kind: str
    source_id: UUID | None
    description: str
    total: Decimal
    debit: str
    credit: str


@dataclass(frozen=True)
class Invoice:
    """An invoice and what hangs on it."""

    id: UUID
    number: int
    order_number: int
    order: Order
    at: datetime
    payment_id: UUID

    @property
    def txid(self) -> str:
        return self.id.hex

    @property
    def lines(self) -> str:
        """The lines as the order's confirmation told them."""
        rows = [
            {
                "line_id": str(line.id),
                "product_id": str(line.product.id),
                "quantity": str(line.quantity),
                "unit_price": str(line.product.item.price),
                "total": str(line.total),
            }
            for line in self.order.lines
        ]
        return json.dumps(rows)

    @property
    def cost(self) -> Decimal:
        return sum((ln.product.item.cost * ln.quantity for ln in self.order.lines), Decimal("0.00"))


async def write(connection: asyncpg.Connection, company: UUID, timeline: Timeline) -> None:
    """Inserts the documents, then their entries; the chart of accounts exists already."""
    rng = random.Random(len(timeline.orders) + 1)
    await connection.execute("SET TIME ZONE 'UTC'")
    invoices = _invoices(timeline, rng)
    days = _settled_by_day(invoices, rng)
    moments = [invoice.at for invoice in invoices] + [receipt.at for receipt in timeline.receipts]
    months = sorted({at.date().replace(day=1) for at in [*moments, *(at for at, _, _ in days)]})
    await connection.execute(_PERIODS, company, months)
    await _documents(connection, company, invoices, days)
    await _provider(connection, invoices)
    await _post(
        connection, company, [*_entries(invoices, rng), *_settlements(days, rng), *_purchases(timeline, rng)]
    )


def _invoices(timeline: Timeline, rng: random.Random) -> list[Invoice]:
    shipped = [(number, order) for number, order in enumerate(timeline.orders, 1) if order.shipped_at]
    shipped.sort(key=lambda pair: pair[1].shipped_at or pair[1].created_at)
    found = []
    for number, (order_number, order) in enumerate(shipped, 1):
        assert order.shipped_at is not None
        at = order.shipped_at + timedelta(seconds=1)
        paid = order.paid_at or at
        found.append(Invoice(uuid7(at, rng), number, order_number, order, at, uuid7(paid, rng)))
    return found


Day = tuple[datetime, UUID, list[Invoice]]


def _settled_by_day(invoices: list[Invoice], rng: random.Random) -> list[Day]:
    """One reconciliation per day on which money settled, at the day's last settlement."""
    days: dict[date, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        if invoice.order.reconciled_at is not None:
            days[invoice.order.reconciled_at.date()].append(invoice)
    found = []
    for _, settled in sorted(days.items()):
        at = max(i.order.reconciled_at for i in settled if i.order.reconciled_at is not None)
        found.append((at, uuid7(at, rng), settled))
    return found


async def _documents(
    connection: asyncpg.Connection, company: UUID, invoices: list[Invoice], days: list[Day]
) -> None:
    known = [(company, i.order.id, str(i.order_number), i.order.customer.id, i.order.total, i.lines,
              i.order.confirmed_at, UUID(int=i.order.id.int ^ 1), i.cost, i.order.shipped_at, i.id)
             for i in invoices]  # fmt: skip
    await connection.executemany(_ORDERS, known)
    documents = [(company, i.id, i.number, i.order.id, str(i.order_number), i.order.customer.id, i.order.total,
                  i.lines, "paid" if i.order.paid_at else "posted", i.txid, i.at.date(), i.at.date() + DUE_AFTER,
                  i.order.paid_at, i.at) for i in invoices]  # fmt: skip
    await connection.executemany(_INVOICES, documents)
    await connection.execute(_SERIES, company, len(invoices))
    charges = [(company, i.txid, i.id, i.order.id, i.order.total, "paid" if i.order.paid_at else "active",
                _copy_paste(i), i.at + CHARGE_LIFE, i.at) for i in invoices]  # fmt: skip
    await connection.executemany(_CHARGES, charges)
    runs = [(company, id_, len(paid), sum(i.order.total for i in paid), at) for at, id_, paid in days]
    await connection.executemany(_RECONCILIATIONS, runs)
    payments = [(company, i.payment_id, _end_to_end(i), i.txid, i.id, i.order.id, i.order.total, i.order.paid_at,
                 i.order.reconciled_at, id_) for _, id_, paid in days for i in paid]  # fmt: skip
    await connection.executemany(_PAYMENTS, payments)


async def _provider(connection: asyncpg.Connection, invoices: list[Invoice]) -> None:
    """What the simulated bank has on its side."""
    await connection.execute("SELECT set_config('nexus.scope', 'system', true)")
    registered = [(i.txid, i.order.total, _copy_paste(i), i.at + CHARGE_LIFE, i.at) for i in invoices]
    await connection.executemany(_PSP_CHARGES, registered)
    paid = sorted((i for i in invoices if i.order.paid_at), key=lambda i: i.order.reconciled_at or i.at)
    transfers = [(_end_to_end(i), i.txid, i.order.total, i.order.paid_at, n, i.order.reconciled_at)
                 for n, i in enumerate(paid, 1)]  # fmt: skip
    await connection.executemany(_PSP_PIX, transfers)
    await connection.execute(_PSP_READ, len(paid))
    await connection.execute("SELECT set_config('nexus.scope', '', true)")


def _copy_paste(invoice: Invoice) -> str:
    return f"00020126580014br.gov.bcb.pix0136{invoice.id}5204000053039865802BR6304DEMO"


def _end_to_end(invoice: Invoice) -> str:
    """The BCB's shape: E, the bank's eight digits, the moment to the minute, eleven characters."""
    paid = invoice.order.paid_at or invoice.at
    return f"E18236120{paid:%Y%m%d%H%M}{invoice.payment_id.hex[-11:]}"


def _entries(invoices: list[Invoice], rng: random.Random) -> list[Entry]:
    found = []
    for i in invoices:
        text = f"order {i.order_number}"
        found.append(Entry(uuid7(i.at, rng), i.at, "invoice", i.id, f"Invoice {i.number}, {text}", i.order.total,
                           "receivable", "revenue"))  # fmt: skip
        found.append(Entry(uuid7(i.at, rng), i.at, "cost", i.order.id, f"Cost of {text}", i.cost,
                           "cost_of_sales", "inventory"))  # fmt: skip
        if i.order.paid_at is not None:
            found.append(Entry(uuid7(i.order.paid_at, rng), i.order.paid_at, "payment", i.payment_id,
                               f"PIX for invoice {i.number}", i.order.total, "pix_clearing", "receivable"))  # fmt: skip
    return found


def _settlements(days: list[Day], rng: random.Random) -> list[Entry]:
    return [
        Entry(uuid7(at, rng), at, "settlement", id_, f"{len(paid)} PIX settled",
              sum((i.order.total for i in paid), Decimal(0)), "bank", "pix_clearing")
        for at, id_, paid in days
    ]  # fmt: skip


def _purchases(timeline: Timeline, rng: random.Random) -> list[Entry]:
    """Goods received, paid from the bank with the owners' capital behind it."""
    cost = {product.id: product.item.cost for product in timeline.products}
    found = []
    for number, receipt in enumerate(timeline.receipts, 4101):
        total = sum(
            (cost[product] * quantity for product, quantity in receipt.quantities.items()), Decimal("0.00")
        )
        found.append(Entry(uuid7(receipt.at, rng), receipt.at, "manual", None, f"Goods received, NF {number:06d}",
                           total, "inventory", "suppliers"))  # fmt: skip
    return found


async def _post(connection: asyncpg.Connection, company: UUID, entries: list[Entry]) -> None:
    accounts = {
        row["role"] or row["code"]: row["id"]
        for row in await connection.fetch(
            "SELECT role, code, id FROM accounts WHERE company_id = $1", company
        )
    }
    accounts["suppliers"] = accounts["2.1.1"]
    entries.sort(key=lambda entry: entry.at)
    await connection.execute(
        _ENTRIES,
        company,
        [e.id for e in entries],
        [e.at for e in entries],
        [e.kind for e in entries],
        [e.source_id for e in entries],
        [e.description for e in entries],
        [e.total for e in entries],
        [accounts[e.debit] for e in entries],
        [accounts[e.credit] for e in entries],
    )
