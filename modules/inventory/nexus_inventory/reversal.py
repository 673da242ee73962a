"""The way back: promises released, shipped goods returned. Never a delete, always another movement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from nexus_kit import Tx

from . import demands, ledger
from .allocation import Wish
from .fulfilment import line_data, remember_lines
from .levels import Stock

OPEN_SHIPMENTS = """
SELECT id, order_id, (SELECT number FROM demands WHERE demands.order_id = shipments.order_id) AS order_number,
       warehouse_id, state FROM shipments
 WHERE order_id = ANY($1::uuid[]) AND state IN ('ready', 'shipped')
 ORDER BY id FOR UPDATE
"""
SHIPMENT_LINES = """
SELECT shipment_id, product_id, quantity, unit_cost FROM shipment_lines WHERE shipment_id = ANY($1::uuid[])
"""
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
    order_number: str
    warehouse_id: UUID
    state: str
    lines: tuple[tuple[UUID, Decimal, Decimal], ...]

    @property
    def products(self) -> list[UUID]:
        return [product for product, _, _ in self.lines]

    @property
    def named(self) -> dict[str, str]:
        """The order and its shipment as log lines name them."""
        ids = {"order_id": str(self.order_id), "shipment_id": str(self.id)}
        return ids | {"order_number": self.order_number}


async def open_shipments(tx: Tx, orders: Iterable[UUID]) -> list[OpenShipment]:
    """The orders' shipments that hold or have taken stock. Their demands must be locked."""
    wanted = list(orders)
    heads = await tx.fetch(OPEN_SHIPMENTS, wanted) if wanted else []
    lines: dict[UUID, list[tuple[UUID, Decimal, Decimal]]] = defaultdict(list)
    for line in await tx.fetch(SHIPMENT_LINES, [head["id"] for head in heads]) if heads else ():
        lines[line["shipment_id"]].append((line["product_id"], line["quantity"], line["unit_cost"]))
    return [OpenShipment(**head, lines=tuple(lines[head["id"]])) for head in heads]


async def undo(
    tx: Tx, shipments: Sequence[OpenShipment], stock: Stock, unshipped: str, reason: str | None
) -> None:
    """Free what is reserved, take back what is shipped at the cost at which it left.

    Those that were ready become `unshipped`, the others `returned`. The caller locks and saves the levels.
    """
    if not shipments:
        return
    for shipment in shipments:
        for product, quantity, cost in shipment.lines:
            place = (product, shipment.warehouse_id)
            if shipment.state == "shipped":
                stock.receive(place, quantity, cost, "return", shipment.id)
            else:
                stock.release(place, quantity)
    await tx.execute(CLOSE_SHIPMENTS, [shipment.id for shipment in shipments], unshipped, reason)


async def tell_undone(tx: Tx, shipments: Sequence[OpenShipment]) -> None:
    """Publish shipment.returned for what had left, stock.released for what had not."""
    for shipment in shipments:
        order_id, told = shipment.order_id, {"order_id": str(shipment.order_id)}
        if shipment.state == "shipped":
            lines = [line_data(*line) for line in shipment.lines]
            returned = told | {"shipment_id": str(shipment.id), "lines": lines}
            await tx.publish("shipment.returned", order_id, returned, noted=shipment.named)
        else:
            await tx.publish("stock.released", order_id, told, noted=shipment.named)


async def fail_shipment(tx: Tx, company_id: UUID, shipment: OpenShipment, reason: str) -> None:
    """A shipment that was ready will not leave: its stock is free again, the order may be back-ordered."""
    await demands.close(tx, [shipment.order_id], "failed")
    wish = Wish(shipment.order_id, {product: quantity for product, quantity, _ in shipment.lines})
    await remember_lines(tx, company_id, [wish])
    await _undo_one(tx, company_id, shipment, "failed", reason)
    failed = {"order_id": str(shipment.order_id), "shipment_id": str(shipment.id), "reason": reason}
    await tx.publish("shipment.failed", shipment.order_id, failed, noted=shipment.named)


async def return_shipment(tx: Tx, company_id: UUID, shipment: OpenShipment, reason: str | None) -> None:
    """Shipped goods came back: they are stock again."""
    await demands.close(tx, [shipment.order_id], "returned")
    await _undo_one(tx, company_id, shipment, "returned", reason)


async def _undo_one(
    tx: Tx, company_id: UUID, shipment: OpenShipment, unshipped: str, reason: str | None
) -> None:
    stock = await ledger.lock(tx, company_id, shipment.products)
    await undo(tx, [shipment], stock, unshipped, reason)
    await ledger.save(tx, company_id, stock)
    await tell_undone(tx, [shipment])
