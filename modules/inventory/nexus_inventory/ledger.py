"""Levels and movements in the database: lock, then write, always in the same order."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from nexus_kit import Tx

from .allocation import Warehouse
from .levels import Level, Place, Stock

LOCK = """
SELECT product_id, warehouse_id, on_hand, reserved, average_cost FROM stock
 WHERE company_id = $1 AND product_id = ANY($2::uuid[])
 ORDER BY product_id, warehouse_id
   FOR NO KEY UPDATE
"""
OPEN = """
INSERT INTO stock (company_id, product_id, warehouse_id)
SELECT $1, * FROM unnest($2::uuid[], $3::uuid[]) AS place (product_id, warehouse_id)
 ORDER BY product_id, warehouse_id
    ON CONFLICT DO NOTHING
"""
WRITE = """
WITH moved AS (
    INSERT INTO movements (company_id, product_id, warehouse_id, kind, quantity, unit_cost, document_id)
    SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::numeric[], $6::numeric[], $7::uuid[]))
UPDATE stock SET on_hand = level.on_hand, reserved = level.reserved,
                 average_cost = level.average_cost, updated_at = now()
  FROM unnest($8::uuid[], $9::uuid[], $10::numeric[], $11::numeric[], $12::numeric[])
       AS level (product_id, warehouse_id, on_hand, reserved, average_cost)
 WHERE stock.product_id = level.product_id AND stock.warehouse_id = level.warehouse_id
"""
WAREHOUSES = """
SELECT id, dispatch = 'automatic' AS automatic FROM warehouses
 WHERE company_id = $1 ORDER BY is_default DESC, created_at, id
"""
CLAIMS = """
SELECT line.product_id, sum(line.quantity) AS quantity
  FROM demands JOIN demand_lines AS line USING (order_id)
 WHERE demands.company_id = $1 AND demands.waiting_since IS NOT NULL AND line.product_id = ANY($2::uuid[])
 GROUP BY line.product_id
"""


async def lock(tx: Tx, company_id: UUID, products: Iterable[UUID]) -> Stock:
    """The present levels of these products in all warehouses, locked until the transaction ends."""
    wanted = list(set(products))
    rows = await tx.fetch(LOCK, company_id, wanted) if wanted else ()
    return Stock({(row["product_id"], row["warehouse_id"]): Level(**row) for row in rows})


async def open_levels(tx: Tx, company_id: UUID, places: Iterable[Place]) -> None:
    """Create the levels that do not exist yet, empty. To be called before any level is locked."""
    wanted = list(set(places))
    await tx.execute(OPEN, company_id, [place[0] for place in wanted], [place[1] for place in wanted])


async def save(tx: Tx, company_id: UUID, stock: Stock) -> None:
    """Write the movements and the levels they lead to, in one statement."""
    changed = stock.changed()
    if not changed:
        return
    moved = stock.movements
    await tx.execute(
        WRITE,
        company_id,
        [movement.product_id for movement in moved],
        [movement.warehouse_id for movement in moved],
        [movement.kind for movement in moved],
        [movement.quantity for movement in moved],
        [movement.unit_cost for movement in moved],
        [movement.document_id for movement in moved],
        [level.product_id for level in changed],
        [level.warehouse_id for level in changed],
        [level.on_hand for level in changed],
        [level.reserved for level in changed],
        [level.average_cost for level in changed],
    )


async def warehouses(tx: Tx, company_id: UUID) -> list[Warehouse]:
    """The company's warehouses in the order in which orders are served from them."""
    return [Warehouse(row["id"], row["automatic"]) for row in await tx.fetch(WAREHOUSES, company_id)]


async def claims(tx: Tx, company_id: UUID, products: Iterable[UUID]) -> dict[UUID, Decimal]:
    """What waiting back-orders have a right to, by product."""
    wanted = list(set(products))
    rows = await tx.fetch(CLAIMS, company_id, wanted) if wanted else ()
    return {row["product_id"]: row["quantity"] for row in rows}
