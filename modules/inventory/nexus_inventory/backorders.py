"""Back-orders: served first come, first served as soon as stock comes in."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from nexus_kit import Page, Paging, Principal, paging, require
from pydantic import BaseModel

from .fulfilment import serve_queue
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


def stock_came_in() -> None:
    """Serve the queue now rather than at the next round; for Tx.after_commit."""
    module.wake("serve_backorders")


def _backorder(row: Any) -> dict[str, Any]:
    return {**row, "lines": [{"product_id": line[0], "quantity": line[1]} for line in row["lines"]]}
