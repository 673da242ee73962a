"""A shipment that was prepared leaves the warehouse."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from nexus_kit import Tx

from . import ledger
from .fulfilment import line_data
from .reversal import OpenShipment

SHIP = """
WITH demand AS (UPDATE demands SET state = 'shipped' WHERE order_id = $2),
shipment AS (UPDATE shipments SET state = 'shipped', shipped_at = now() WHERE id = $1),
reservation AS (
    UPDATE reservations SET state = 'consumed', closed_at = now() WHERE shipment_id = $1 AND state = 'active')
UPDATE shipment_lines SET unit_cost = left_at.unit_cost
  FROM unnest($3::uuid[], $4::numeric[]) AS left_at (product_id, unit_cost)
 WHERE shipment_id = $1 AND shipment_lines.product_id = left_at.product_id
"""


async def ship_shipment(tx: Tx, company_id: UUID, shipment: OpenShipment) -> None:
    """Ship what is reserved: movement, level and shipment change together. The caller has locked the rows."""
    stock = await ledger.lock(tx, company_id, shipment.products)
    costs: dict[UUID, Decimal] = {}
    for product, quantity, _ in shipment.lines:
        place = (product, shipment.warehouse_id)
        stock.release(place, quantity)
        costs[product] = stock.issue(place, quantity, "shipment", shipment.id)
    await ledger.save(tx, company_id, stock)
    await tx.execute(SHIP, shipment.id, shipment.order_id, list(costs), list(costs.values()))
    lines = [line_data(product, quantity, costs[product]) for product, quantity, _ in shipment.lines]
    told = {"order_id": str(shipment.order_id), "shipment_id": str(shipment.id), "lines": lines}
    await tx.publish("shipment.shipped", shipment.order_id, told, noted=shipment.named)
