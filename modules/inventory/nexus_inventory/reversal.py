"""The way back: promises released, shipped goods returned. Never a delete, always another movement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from nexus_kit import Tx

from . import ledger
from .allocation import Wish
from .fulfilment import line_data, lock_demands, remember_lines

TOMBSTONES = """
INSERT INTO demands (order_id, company_id, state)
SELECT order_id, $1, 'cancelled' FROM unnest($2::uuid[]) AS gone (order_id)
 ORDER BY order_id
    ON CONFLICT (order_id) DO NOTHING
"""
OPEN_SHIPMENTS = """
SELECT id, order_id, warehouse_id, state FROM shipments
 WHERE order_id = ANY($1::uuid[]) AND state IN ('ready', 'shipped')
 ORDER BY id FOR UPDATE
"""
SHIPMENT_LINES = """
SELECT shipment_id, product_id, quantity, unit_cost FROM shipment_lines WHERE shipment_id = ANY($1::uuid[])
"""
CLOSE_DEMANDS = "UPDATE demands SET state = $2, waiting_since = NULL WHERE order_id = ANY($1::uuid[])"
CLOSE_SHIPMENTS = """
WITH closed AS (
    UPDATE shipments SET state = CASE state WHEN 'shipped' THEN 'returned' ELSE $2 END,
                         reason = coalesce($3, reason), closed_at = now()
     WHERE id = ANY($1::uuid[]))
UPDATE reservations SET state = 'released', closed_at = now()
 WHERE shipment_id = ANY($1::uuid[]) AND state = 'active'
"""


@dataclass(frozen=True, slots=True)
class OpenShipment:
    """A shipment that is ready or shipped, its row locked; lines are (product, quantity, unit cost)."""

    id: UUID
    order_id: UUID
    warehouse_id: UUID
    state: str
    lines: tuple[tuple[UUID, Decimal, Decimal], ...]


async def open_shipments(tx: Tx, orders: Sequence[UUID]) -> list[OpenShipment]:
    """The orders' shipments that hold or have taken stock. Their demands must be locked."""
    heads = await tx.fetch(OPEN_SHIPMENTS, list(orders))
    lines: dict[UUID, list[tuple[UUID, Decimal, Decimal]]] = defaultdict(list)
    for line in await tx.fetch(SHIPMENT_LINES, [head["id"] for head in heads]) if heads else ():
        lines[line["shipment_id"]].append((line["product_id"], line["quantity"], line["unit_cost"]))
    return [OpenShipment(**head, lines=tuple(lines[head["id"]])) for head in heads]


async def cancel_orders(tx: Tx, company_id: UUID, orders: Sequence[UUID]) -> None:
    """Cancelled for good, also when the confirmation has not arrived yet: it will find the order gone."""
    await tx.execute(TOMBSTONES, company_id, list(orders))
    known = await lock_demands(tx, orders)
    shipments = await open_shipments(
        tx, [order for order, state in known.items() if state in ("reserved", "shipped")]
    )
    await tx.execute(CLOSE_DEMANDS, list(known), "cancelled")
    await _undo(tx, company_id, shipments, "cancelled", None)
    for shipment in shipments:
        await _tell(tx, shipment)


async def fail_shipment(tx: Tx, company_id: UUID, shipment: OpenShipment, reason: str) -> None:
    """A shipment that was ready will not leave: its stock is free again, the order may be back-ordered."""
    await tx.execute(CLOSE_DEMANDS, [shipment.order_id], "failed")
    await remember_lines(
        tx, company_id, [Wish(shipment.order_id, {product: qty for product, qty, _ in shipment.lines})]
    )
    await _undo(tx, company_id, [shipment], "failed", reason)
    order_id, told = shipment.order_id, {"order_id": str(shipment.order_id)}
    await tx.publish("stock.released", order_id, told)
    await tx.publish("shipment.failed", order_id, told | {"shipment_id": str(shipment.id), "reason": reason})


async def return_shipment(tx: Tx, company_id: UUID, shipment: OpenShipment, reason: str | None) -> None:
    """Shipped goods came back: they are stock again at the cost at which they left."""
    await tx.execute(CLOSE_DEMANDS, [shipment.order_id], "returned")
    await _undo(tx, company_id, [shipment], "returned", reason)
    await _tell(tx, shipment)


async def _undo(
    tx: Tx, company_id: UUID, shipments: Sequence[OpenShipment], unshipped: str, reason: str | None
) -> None:
    if not shipments:
        return
    products = {product for shipment in shipments for product, _, _ in shipment.lines}
    stock = await ledger.lock(tx, company_id, products)
    for shipment in shipments:
        for product, quantity, cost in shipment.lines:
            place = (product, shipment.warehouse_id)
            if shipment.state == "shipped":
                stock.receive(place, quantity, cost, "return", shipment.id)
            else:
                stock.release(place, quantity)
    await ledger.save(tx, company_id, stock)
    await tx.execute(CLOSE_SHIPMENTS, [shipment.id for shipment in shipments], unshipped, reason)


async def _tell(tx: Tx, shipment: OpenShipment) -> None:
    order_id, told = shipment.order_id, {"order_id": str(shipment.order_id)}
    if shipment.state == "shipped":
        lines = [line_data(*line) for line in shipment.lines]
        await tx.publish(
            "shipment.returned", order_id, told | {"shipment_id": str(shipment.id), "lines": lines}
        )
    else:
        await tx.publish("stock.released", order_id, told)
