"""Back-orders: served first come, first served as soon as stock comes in."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from nexus_kit import Page, Paging, Principal, Tx, paging, require
from pydantic import BaseModel

from . import ledger
from .allocation import Wish
from .fulfilment import serve
from .service import module

router = APIRouter(prefix="/api/inventory/backorders", tags=["backorders"])

COMPANIES = "SELECT DISTINCT company_id FROM demands WHERE waiting_since IS NOT NULL"
QUEUE = """
SELECT order_id, number AS order_number, waiting_since,
       ARRAY(SELECT ROW(product_id, quantity) FROM demand_lines
              WHERE demand_lines.order_id = demands.order_id ORDER BY product_id) AS lines
  FROM demands WHERE company_id = $1 AND waiting_since IS NOT NULL
   AND ($2::uuid IS NULL OR order_id > $2)
 ORDER BY order_id LIMIT $3
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
SELECT order_id, number, trace, waiting_since FROM demands
 WHERE order_id IN (SELECT order_id FROM servable) AND waiting_since IS NOT NULL
 ORDER BY order_id LIMIT 500 FOR UPDATE SKIP LOCKED
"""
LINES = "SELECT order_id, product_id, quantity FROM demand_lines WHERE order_id = ANY($1::uuid[])"


class Awaited(BaseModel):
    """What an order waits for."""

    product_id: UUID
    quantity: Decimal


class BackOrder(BaseModel):
    """An order that waits for stock; it is served by `waiting_since`, the longest waiting first."""

    order_id: UUID
    order_number: str
    waiting_since: datetime
    lines: list[Awaited]


@router.get("", response_model=Page[BackOrder])
async def list_backorders(
    who: Annotated[Principal, Depends(require("inventory.stock.read"))],
    pages: Annotated[Paging, Depends(paging)],
) -> Any:
    """The back-orders that wait, oldest order first."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(QUEUE, who.company_id, pages.value(0, UUID), pages.limit + 1)
    return pages.page(rows, "order_id", item=_backorder)


@module.worker(every=2.0)
async def serve_backorders() -> None:
    """Serve the queues of all companies; woken whenever stock comes in, and every 2 s in any case."""
    async with module.db.system() as tx:
        companies: list[UUID] = [row["company_id"] for row in await tx.fetch(COMPANIES)]
    for company_id in companies:
        served = True
        while served:
            async with module.db.transaction(company_id) as tx:
                served = await serve_queue(tx, company_id) > 0


async def serve_queue(tx: Tx, company_id: UUID) -> int:
    """Reserve for the back-orders whose turn has come and whose stock is there; returns for how many."""
    rows = await tx.fetch(SERVABLE, company_id)
    if not rows:
        return 0
    lines: dict[UUID, dict[UUID, Decimal]] = defaultdict(dict)
    for line in await tx.fetch(LINES, [row["order_id"] for row in rows]):
        lines[line["order_id"]][line["product_id"]] = line["quantity"]
    rows.sort(key=lambda row: (row["waiting_since"], row["order_id"]))
    wishes = [Wish(row["order_id"], lines[row["order_id"]], row["number"], row["trace"]) for row in rows]
    stock = await ledger.lock(tx, company_id, [product for wish in wishes for product in wish.lines])
    outcome = await serve(tx, company_id, wishes, stock, {})
    await ledger.save(tx, company_id, stock)
    return len(outcome.grants)


def stock_came_in() -> None:
    """Serve the queue now rather than at the next round; for Tx.after_commit."""
    module.wake("serve_backorders")


def _backorder(row: Any) -> dict[str, Any]:
    return {**row, "lines": [{"product_id": line[0], "quantity": line[1]} for line in row["lines"]]}
