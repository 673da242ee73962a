"""Orders as the API shows them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from asyncpg import Record
from nexus_kit import Tx, problem

from nexus_sales import timeline_texts
from nexus_sales.machine import allowed
from nexus_sales.models import Line, Order, OrderDetail, TimelineEntry
from nexus_sales.order_rows import FULL, machine_order

LINE = "id, position, product_id, sku, description, unit, quantity, unit_price, discount_percent, total"

_LINES = f"SELECT {LINE} FROM order_lines WHERE company_id = $1 AND order_id = $2 ORDER BY position"
_TIMELINE = (
    "SELECT at, event, params, actor FROM order_timeline"
    " WHERE company_id = $1 AND order_id = $2 ORDER BY at, seq"
)


def as_order(row: Record, lines: Sequence[Line]) -> Order:
    """A row with FULL and the order's lines."""
    return Order(**_values(row), lines=list(lines))


async def read_order(tx: Tx, company_id: UUID, order_id: UUID, lock: bool = False) -> Record:
    """The order's row with FULL, locked for change if asked; raises a 404 problem."""
    row: Record | None = await tx.fetchrow(
        f"SELECT {FULL} FROM orders WHERE company_id = $1 AND id = $2" + (" FOR UPDATE" if lock else ""),
        company_id,
        order_id,
    )
    if row is None:
        raise problem(404, "order-not-found", f"There is no order {order_id}.")
    return row


async def read_lines(tx: Tx, company_id: UUID, order_id: UUID) -> list[Line]:
    """The lines of an order by position."""
    return [Line(**row) for row in await tx.fetch(_LINES, company_id, order_id)]


async def read_detail(tx: Tx, company_id: UUID, order_id: UUID, lang: str) -> OrderDetail:
    """An order with lines and timeline, the timeline's texts in ``lang``; raises a 404 problem."""
    row = await read_order(tx, company_id, order_id)
    lines = await read_lines(tx, company_id, order_id)
    timeline = [
        TimelineEntry(**entry, text=timeline_texts.text(entry["event"], entry["params"], lang))
        for entry in await tx.fetch(_TIMELINE, company_id, order_id)
    ]
    return OrderDetail(**_values(row), lines=lines, timeline=timeline)


def _values(row: Record) -> dict[str, Any]:
    values = dict(row)
    values["actions"] = allowed(machine_order(row))
    for internal in ("stock", "stock_at", "trace", "lines"):
        values.pop(internal, None)
    return values
