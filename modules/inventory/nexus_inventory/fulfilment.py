"""Orders get their stock: reserve all lines or none, ship at once where the warehouse does so.

A batch of orders costs a fixed handful of statements, whatever its size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from nexus_kit import Tx, new_id

from . import ledger
from .allocation import Grant, Outcome, Refusal, Wish, allocate

REGISTER = """
INSERT INTO demands (order_id, company_id, number, state)
SELECT order_id, $1, number, 'short' FROM unnest($2::uuid[], $3::text[]) AS wish (order_id, number)
 ORDER BY order_id
    ON CONFLICT (order_id) DO NOTHING
RETURNING order_id
"""
SHIP = """
WITH head AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::boolean[])
        AS head (shipment_id, order_id, warehouse_id, shipped)),
line AS (
    SELECT * FROM unnest($6::uuid[], $7::uuid[], $8::numeric[], $9::numeric[])
        AS line (shipment_id, product_id, quantity, unit_cost)),
demand AS (
    UPDATE demands SET state = CASE WHEN shipped THEN 'shipped' ELSE 'reserved' END, waiting_since = NULL
      FROM head WHERE demands.order_id = head.order_id),
shipment AS (
    INSERT INTO shipments (id, company_id, order_id, warehouse_id, state, shipped_at)
    SELECT shipment_id, $1, order_id, warehouse_id, CASE WHEN shipped THEN 'shipped' ELSE 'ready' END,
           CASE WHEN shipped THEN now() END FROM head),
shipment_line AS (
    INSERT INTO shipment_lines (shipment_id, product_id, company_id, quantity, unit_cost)
    SELECT shipment_id, product_id, $1, quantity, unit_cost FROM line)
INSERT INTO reservations (company_id, warehouse_id, product_id, order_id, shipment_id, quantity,
                          state, closed_at)
SELECT $1, warehouse_id, product_id, order_id, shipment_id, quantity,
       CASE WHEN shipped THEN 'consumed' ELSE 'active' END, CASE WHEN shipped THEN now() END
  FROM line JOIN head USING (shipment_id)
"""
REMEMBER_LINES = """
INSERT INTO demand_lines (order_id, product_id, company_id, quantity)
SELECT order_id, product_id, $1, quantity
  FROM unnest($2::uuid[], $3::uuid[], $4::numeric[]) AS line (order_id, product_id, quantity)
    ON CONFLICT (order_id, product_id) DO NOTHING
"""
ENQUEUE = """
UPDATE demands SET state = 'waiting', waiting_since = wish.since
  FROM unnest($1::uuid[], $2::timestamptz[]) AS wish (order_id, since)
 WHERE demands.order_id = wish.order_id AND demands.state IN ('short', 'failed')
"""
# First come, first served, product by product: an order may be served when the stock covers it and all that
# queue before it for the same products. Orders someone else is just changing are left for the next round.
SERVABLE = """
WITH queue AS (
    SELECT line.order_id, line.product_id,
           sum(line.quantity) OVER (PARTITION BY line.product_id
                                    ORDER BY demands.waiting_since, demands.order_id) AS up_to_here
      FROM demands JOIN demand_lines AS line USING (order_id)
     WHERE demands.company_id = $1 AND demands.waiting_since IS NOT NULL),
free AS (
    SELECT product_id, sum(on_hand - reserved) AS quantity FROM stock
     WHERE company_id = $1 AND product_id IN (SELECT product_id FROM queue) GROUP BY product_id),
servable AS (
    SELECT order_id FROM queue LEFT JOIN free USING (product_id)
     GROUP BY order_id HAVING bool_and(up_to_here <= coalesce(free.quantity, 0)))
SELECT order_id, waiting_since FROM demands
 WHERE order_id IN (SELECT order_id FROM servable) AND waiting_since IS NOT NULL
 ORDER BY order_id LIMIT 500 FOR UPDATE SKIP LOCKED
"""
LINES = "SELECT order_id, product_id, quantity FROM demand_lines WHERE order_id = ANY($1::uuid[])"
LOCK_DEMANDS = """
SELECT order_id, state FROM demands WHERE order_id = ANY($1::uuid[]) ORDER BY order_id FOR UPDATE
"""


async def register(tx: Tx, company_id: UUID, numbers: dict[UUID, str]) -> set[UUID]:
    """Write down orders heard of for the first time; returns these. A cancelled order is not new."""
    rows = await tx.fetch(REGISTER, company_id, list(numbers), list(numbers.values()))
    return {row["order_id"] for row in rows}


async def lock_demands(tx: Tx, orders: Sequence[UUID]) -> dict[UUID, str]:
    """State by order of the orders known, locked."""
    return {row["order_id"]: row["state"] for row in await tx.fetch(LOCK_DEMANDS, list(orders))}


async def serve_new(tx: Tx, company_id: UUID, wishes: Sequence[Wish]) -> None:
    """Reserve for registered orders in the given sequence; tell of winners and losers."""
    products = {product for wish in wishes for product in wish.lines}
    claimed = await ledger.claims(tx, company_id, products)
    outcome = await _serve(tx, company_id, wishes, claimed)
    if outcome.refusals:
        await remember_lines(tx, company_id, [refusal.wish for refusal in outcome.refusals])
    for refusal in outcome.refusals:
        await _publish_refusal(tx, refusal)


async def enqueue(tx: Tx, orders: dict[UUID, datetime]) -> None:
    """Let orders without stock wait for it from the given moments on. Their demands must be locked."""
    await tx.execute(ENQUEUE, list(orders), list(orders.values()))


async def serve_queue(tx: Tx, company_id: UUID) -> int:
    """Reserve for the waiting back-orders whose turn has come and whose stock is there; returns how many."""
    rows = await tx.fetch(SERVABLE, company_id)
    if not rows:
        return 0
    lines: dict[UUID, dict[UUID, Decimal]] = defaultdict(dict)
    for line in await tx.fetch(LINES, [row["order_id"] for row in rows]):
        lines[line["order_id"]][line["product_id"]] = line["quantity"]
    rows.sort(key=lambda row: (row["waiting_since"], row["order_id"]))
    wishes = [Wish(row["order_id"], lines[row["order_id"]]) for row in rows]
    return len((await _serve(tx, company_id, wishes, {})).grants)


async def remember_lines(tx: Tx, company_id: UUID, wishes: Sequence[Wish]) -> None:
    """Keep what these orders asked for, so that a back-order can be served later."""
    lines = [(wish.order_id, *line) for wish in wishes for line in wish.lines.items()]
    orders, products, quantities = map(list, zip(*lines, strict=True))
    await tx.execute(REMEMBER_LINES, company_id, orders, products, quantities)


async def _serve(tx: Tx, company_id: UUID, wishes: Sequence[Wish], claimed: dict[UUID, Decimal]) -> Outcome:
    warehouses = await ledger.warehouses(tx, company_id)
    stock = await ledger.lock(tx, company_id, {product for wish in wishes for product in wish.lines})
    outcome = allocate(wishes, stock, warehouses, claimed)
    if not outcome.grants:
        return outcome
    heads: list[tuple[UUID, Grant]] = []
    lines: list[tuple[UUID, UUID, Decimal, Decimal]] = []
    for grant in outcome.grants:
        shipment_id = new_id()
        heads.append((shipment_id, grant))
        for product, quantity in grant.wish.lines.items():
            place, cost = (product, grant.warehouse.id), Decimal(0)
            if grant.warehouse.automatic:
                cost = stock.issue(place, quantity, "shipment", shipment_id)
            else:
                stock.reserve(place, quantity)
            lines.append((shipment_id, product, quantity, cost))
    await ledger.save(tx, company_id, stock)
    await tx.execute(
        SHIP,
        company_id,
        [shipment_id for shipment_id, _ in heads],
        [grant.wish.order_id for _, grant in heads],
        [grant.warehouse.id for _, grant in heads],
        [grant.warehouse.automatic for _, grant in heads],
        *map(list, zip(*lines, strict=True)),
    )
    await _publish_grants(tx, heads, lines)
    return outcome


async def _publish_grants(
    tx: Tx, heads: list[tuple[UUID, Grant]], lines: list[tuple[UUID, UUID, Decimal, Decimal]]
) -> None:
    by_shipment: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for shipment_id, product, quantity, cost in lines:
        by_shipment[shipment_id].append(line_data(product, quantity, cost))
    for shipment_id, grant in heads:
        order_id = grant.wish.order_id
        told = {"order_id": str(order_id), "shipment_id": str(shipment_id)}
        await tx.publish("stock.reserved", order_id, told)
        if grant.warehouse.automatic:
            await tx.publish("shipment.shipped", order_id, told | {"lines": by_shipment[shipment_id]})


async def _publish_refusal(tx: Tx, refusal: Refusal) -> None:
    lines = [
        {
            "product_id": str(line.product_id),
            "requested": str(line.requested),
            "available": str(line.available),
        }
        for line in refusal.missing
    ]
    order_id = refusal.wish.order_id
    await tx.publish("stock.reservation_failed", order_id, {"order_id": str(order_id), "lines": lines})


def line_data(product_id: UUID, quantity: Decimal, unit_cost: Decimal) -> dict[str, str]:
    """A shipment's line as events carry it."""
    return {"product_id": str(product_id), "quantity": str(quantity), "unit_cost": str(unit_cost)}
