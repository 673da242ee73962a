"""Orders get their stock: reserve all lines or none, ship at once where the warehouse does so.

A batch of orders costs a fixed handful of statements, whatever its size. The caller locks demands, then
levels, each once per transaction, and saves the levels at the end; these functions change them in memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from nexus_kit import Tx, new_id

from . import ledger
from .allocation import Grant, Outcome, Refusal, Wish, allocate
from .levels import Stock

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


async def serve(
    tx: Tx, company_id: UUID, wishes: Sequence[Wish], stock: Stock, claims: Mapping[UUID, Decimal]
) -> Outcome:
    """Reserve for the orders in the given sequence and ship what ships at once; tell of the winners."""
    if not wishes:
        return Outcome()
    outcome = allocate(wishes, stock, await ledger.warehouses(tx, company_id), claims)
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


async def refuse(tx: Tx, company_id: UUID, refusals: Sequence[Refusal]) -> None:
    """Keep what the losers asked for, and tell."""
    if not refusals:
        return
    await remember_lines(tx, company_id, [refusal.wish for refusal in refusals])
    for refusal in refusals:
        order_id = refusal.wish.order_id
        lines = [
            {
                "product_id": str(line.product_id),
                "requested": str(line.requested),
                "available": str(line.available),
            }
            for line in refusal.missing
        ]
        products = [line["product_id"] for line in lines]
        await tx.publish(
            "stock.reservation_failed",
            order_id,
            {"order_id": str(order_id), "lines": lines},
            noted={**named(refusal.wish), "product_ids": products},
        )


async def remember_lines(tx: Tx, company_id: UUID, wishes: Sequence[Wish]) -> None:
    """Keep what these orders asked for, so that a back-order can be served later."""
    lines = [(wish.order_id, *line) for wish in wishes for line in wish.lines.items()]
    orders, products, quantities = map(list, zip(*lines, strict=True))
    await tx.execute(REMEMBER_LINES, company_id, orders, products, quantities)


async def _publish_grants(
    tx: Tx, heads: list[tuple[UUID, Grant]], lines: list[tuple[UUID, UUID, Decimal, Decimal]]
) -> None:
    by_shipment: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for shipment_id, product, quantity, cost in lines:
        by_shipment[shipment_id].append(line_data(product, quantity, cost))
    for shipment_id, grant in heads:
        wish = grant.wish
        told = {"order_id": str(wish.order_id), "shipment_id": str(shipment_id)}
        noted = named(wish) | told
        await tx.publish("stock.reserved", wish.order_id, told, trace=wish.trace, noted=noted)
        if grant.warehouse.automatic:
            shipped = told | {"lines": by_shipment[shipment_id]}
            await tx.publish("shipment.shipped", wish.order_id, shipped, trace=wish.trace, noted=noted)


def named(wish: Wish) -> dict[str, Any]:
    """The order as log lines name it."""
    return {"order_id": str(wish.order_id), "order_number": wish.number}


def line_data(product_id: UUID, quantity: Decimal, unit_cost: Decimal) -> dict[str, str]:
    """A shipment's line as events carry it."""
    return {"product_id": str(product_id), "quantity": str(quantity), "unit_cost": str(unit_cost)}
