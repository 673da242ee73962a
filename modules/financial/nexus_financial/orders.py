"""What sales and inventory tell about an order, kept in one row; the second fact makes it billable."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from nexus_kit import SYNTHETIC_COMPANY, Event, NotYet, Tx

from . import chart, ledger, periods
from .invoicing import invoice
from .money import CURRENCY, cents, line_total, total
from .service import module

_COMPANY = """
INSERT INTO companies (company_id, name, tax_id) VALUES ($1, $2, $3)
ON CONFLICT (company_id) DO UPDATE SET name = EXCLUDED.name, tax_id = EXCLUDED.tax_id
"""

_CONFIRMED = """
INSERT INTO orders AS o (company_id, order_id, number, customer_id, currency, total, lines, confirmed_at)
SELECT $1, n.order_id, n.number, n.customer_id, $2, n.total, n.lines::jsonb, n.confirmed_at
  FROM unnest($3::uuid[], $4::text[], $5::uuid[], $6::numeric[], $7::text[], $8::timestamptz[])
       AS n (order_id, number, customer_id, total, lines, confirmed_at)
 ORDER BY n.order_id
ON CONFLICT (company_id, order_id) DO UPDATE SET
       number = EXCLUDED.number, customer_id = EXCLUDED.customer_id, currency = EXCLUDED.currency,
       total = EXCLUDED.total, lines = EXCLUDED.lines, confirmed_at = EXCLUDED.confirmed_at,
       invoice_id = CASE WHEN o.shipped_at IS NOT NULL AND o.cancelled_at IS NULL THEN uuidv7() END
 WHERE o.confirmed_at IS NULL
RETURNING order_id, number, total, cost, invoice_id
"""

_SHIPPED = """
INSERT INTO orders AS o (company_id, order_id, shipment_id, cost, shipped_at)
SELECT $1, n.order_id, n.shipment_id, n.cost, n.shipped_at
  FROM unnest($2::uuid[], $3::uuid[], $4::numeric[], $5::timestamptz[])
       AS n (order_id, shipment_id, cost, shipped_at)
 ORDER BY n.order_id
ON CONFLICT (company_id, order_id) DO UPDATE SET
       shipment_id = EXCLUDED.shipment_id, cost = EXCLUDED.cost, shipped_at = EXCLUDED.shipped_at,
       invoice_id = CASE WHEN o.confirmed_at IS NOT NULL AND o.cancelled_at IS NULL THEN uuidv7() END
 WHERE o.shipped_at IS NULL
RETURNING order_id, number, total, cost, invoice_id
"""

_RETURNED = """
UPDATE orders o SET returned_at = coalesce(o.returned_at, n.at)
  FROM unnest($2::uuid[], $3::timestamptz[]) AS n (order_id, at)
 WHERE o.company_id = $1 AND o.order_id = n.order_id AND o.shipped_at IS NOT NULL
RETURNING o.order_id
"""

_COSTS = """
SELECT e.id, e.source_id, e.description, e.total FROM entries e
 WHERE e.source_id = ANY($1::uuid[]) AND e.kind = 'cost' AND e.company_id = $2
   AND NOT EXISTS (SELECT 1 FROM entries r WHERE r.reversal_of = e.id)
"""


def latest(events: Iterable[Event]) -> list[Event]:
    """One event per order (a batch may carry the same order twice), in the order of the orders' ids."""
    return [event for _, event in sorted({UUID(event.data["order_id"]): event for event in events}.items())]


def billable(rows: Iterable[Any]) -> list[Any]:
    """The rows that were just given an invoice id: confirmed, shipped and not cancelled."""
    return [row for row in rows if row["invoice_id"] is not None]


def cost_of(lines: Iterable[dict[str, Any]]) -> Decimal:
    """What the shipped lines cost, each rounded to the cent."""
    return total(line_total(line["quantity"], line["unit_cost"]) for line in lines)


@module.on("users", "company.created")
async def company_created(tx: Tx, event: Event) -> None:
    """Remember the company's name for its charges and give it its chart of accounts."""
    await tx.execute(_COMPANY, event.company_id, event.data["name"], event.data.get("tax_id"))
    await chart.roles(tx, event.company_id)


@module.on_batch("sales", "order.confirmed")
async def order_confirmed(tx: Tx, events: list[Event]) -> None:
    """Remember the orders, unless probes made them; invoice those that were shipped before this news came."""
    events = latest(events)
    company_id = events[0].company_id
    if company_id == SYNTHETIC_COMPANY:
        return
    for event in events:
        currency = event.data["currency"]
        if currency != CURRENCY:
            raise ValueError(
                f"order {event.data['number']} is in {currency}: the books are kept in {CURRENCY}"
            )
    rows = await tx.fetch(
        _CONFIRMED,
        company_id,
        CURRENCY,
        [UUID(event.data["order_id"]) for event in events],
        [event.data["number"] for event in events],
        [UUID(event.data["customer_id"]) for event in events],
        [cents(event.data["total"]) for event in events],
        [orjson.dumps(event.data["lines"]).decode() for event in events],
        [event.occurred_at for event in events],
    )
    await invoice(tx, company_id, billable(rows), {UUID(event.data["order_id"]): event for event in events})


@module.on_batch("inventory", "shipment.shipped")
async def shipment_shipped(tx: Tx, events: list[Event]) -> None:
    """Invoice the shipped orders that are known and not cancelled; remember the others' shipment."""
    events = latest(events)
    company_id = events[0].company_id
    rows = await tx.fetch(
        _SHIPPED,
        company_id,
        [UUID(event.data["order_id"]) for event in events],
        [UUID(event.data["shipment_id"]) for event in events],
        [cost_of(event.data["lines"]) for event in events],
        [event.occurred_at for event in events],
    )
    await invoice(tx, company_id, billable(rows), {UUID(event.data["order_id"]): event for event in events})


@module.on_batch("inventory", "shipment.returned")
async def shipment_returned(tx: Tx, events: list[Event]) -> None:
    """Take the cost of returned goods back from cost of sales into inventory."""
    company_id = events[0].company_id
    returned = {UUID(event.data["order_id"]): event.occurred_at for event in events}
    known = await tx.fetch(_RETURNED, company_id, list(returned), list(returned.values()))
    if len(known) < len(returned):
        found = {row["order_id"] for row in known}
        early = [event for event in events if UUID(event.data["order_id"]) not in found]
        raise NotYet("returned before its shipment was told", events=early)
    costs = await tx.fetch(_COSTS, list(returned), company_id)
    if not costs:
        return
    account = await chart.roles(tx, company_id)
    where = await periods.open_posting(tx, company_id)
    reversals = [
        ledger.transfer(
            "reversal",
            cost["source_id"],
            f"Return: {cost['description']}",
            cost["total"],
            debit=account["inventory"],
            credit=account["cost_of_sales"],
            reversal_of=cost["id"],
        )
        for cost in costs
    ]
    await ledger.post(tx, company_id, where, reversals)
