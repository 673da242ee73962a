"""Orders of synthetic probes: answered as any other, out of a stock that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from nexus_kit import Tx


async def answer(tx: Tx, confirmed: Iterable[UUID], cancelled: Iterable[UUID]) -> None:
    """Tell that confirmed orders have their stock and cancelled ones gave it back; no row is touched."""
    for kind, orders in (("stock.reserved", confirmed), ("stock.released", cancelled)):
        for order_id in orders:
            await tx.publish(kind, order_id, {"order_id": str(order_id)})
