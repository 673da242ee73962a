"""What inventory knows of sales orders. Rows are always locked in the order of their order_id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from nexus_kit import Tx

REGISTER = """
INSERT INTO demands (order_id, company_id, number, state, trace)
SELECT order_id, $1, number, state, trace
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS told (order_id, number, state, trace)
 ORDER BY order_id
    ON CONFLICT (order_id) DO NOTHING
RETURNING order_id
"""
LOCK = "SELECT order_id, state FROM demands WHERE order_id = ANY($1::uuid[]) ORDER BY order_id FOR UPDATE"
CLOSE = "UPDATE demands SET state = $2, waiting_since = NULL WHERE order_id = ANY($1::uuid[])"
ENQUEUE = """
UPDATE demands SET state = 'waiting', waiting_since = wish.since
  FROM unnest($1::uuid[], $2::timestamptz[]) AS wish (order_id, since)
 WHERE demands.order_id = wish.order_id AND demands.state IN ('short', 'failed')
"""


async def register(tx: Tx, company_id: UUID, orders: Mapping[UUID, tuple[str, str]]) -> set[UUID]:
    """Write down orders (number, state) heard of for the first time; returns these. Others stay."""
    if not orders:
        return set()
    numbers, states = zip(*orders.values(), strict=True)
    traces = [tx.trace_of(entity_id=order) for order in orders]
    rows = await tx.fetch(REGISTER, company_id, list(orders), numbers, states, traces)
    return {row["order_id"] for row in rows}


async def lock(tx: Tx, orders: Iterable[UUID]) -> dict[UUID, str]:
    """State by order of the orders known, locked until the transaction ends."""
    wanted = list(orders)
    rows = await tx.fetch(LOCK, wanted) if wanted else ()
    return {row["order_id"]: row["state"] for row in rows}


async def close(tx: Tx, orders: Iterable[UUID], state: str) -> None:
    """Set the state of locked orders; they wait no more."""
    if closing := list(orders):
        await tx.execute(CLOSE, closing, state)


async def enqueue(tx: Tx, orders: Mapping[UUID, datetime]) -> None:
    """Let locked orders without stock wait for it from the given moments on; others stay as they are."""
    if orders:
        await tx.execute(ENQUEUE, list(orders), list(orders.values()))
