"""Shipments of orders: shipped, failed or returned by people where the warehouse does not ship by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Page, Paging, Principal, Tx, idempotency, paging, problem, require, tracing
from pydantic import BaseModel

from . import demands
from .backorders import stock_came_in
from .dispatch import ship_shipment
from .fields import Input, Text
from .reversal import OpenShipment, fail_shipment, open_shipments, return_shipment
from .service import module

router = APIRouter(prefix="/api/inventory/shipments", tags=["shipments"])

Reader = Annotated[Principal, Depends(require("inventory.stock.read"))]
Writer = Annotated[Principal, Depends(require("inventory.shipment.write"))]
Idem = Annotated[Idempotency, Depends(idempotency)]
State = Literal["ready", "shipped", "failed", "returned", "cancelled"]

SELECT = """
SELECT id, order_id, (SELECT number FROM demands WHERE demands.order_id = shipments.order_id) AS order_number,
       warehouse_id, state, reason, created_at, shipped_at, closed_at,
       ARRAY(SELECT ROW(product_id, quantity, unit_cost) FROM shipment_lines
              WHERE shipment_id = shipments.id ORDER BY product_id) AS lines
  FROM shipments
"""
LIST = (
    SELECT
    + """
 WHERE company_id = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::text IS NULL OR state = $3)
   AND ($4::uuid IS NULL OR order_id = $4)
 ORDER BY id DESC LIMIT $5
"""
)
GET = SELECT + " WHERE company_id = $1 AND id = $2"
FIND = """
SELECT order_id, state, (SELECT trace FROM demands WHERE demands.order_id = shipments.order_id) AS trace
  FROM shipments WHERE company_id = $1 AND id = $2
"""


class Failure(Input):
    """Why the shipment will not leave."""

    reason: Text


class Return(Input):
    """Why the goods came back."""

    reason: Text | None = None


class ShipmentLine(BaseModel):
    """`unit_cost` is the average cost at which it left, 0 before."""

    product_id: UUID
    quantity: Decimal
    unit_cost: Decimal


class Shipment(BaseModel):
    """An order's goods on their way out of one warehouse."""

    id: UUID
    order_id: UUID
    order_number: str | None
    warehouse_id: UUID
    state: State
    reason: str | None
    created_at: datetime
    shipped_at: datetime | None
    closed_at: datetime | None
    lines: list[ShipmentLine]


@router.get("", response_model=Page[Shipment])
async def list_shipments(
    who: Reader,
    pages: Annotated[Paging, Depends(paging)],
    state: State | None = None,
    order_id: UUID | None = None,
) -> Any:
    """Shipments with their lines, newest first."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(LIST, who.company_id, pages.value(0, UUID), state, order_id, pages.limit + 1)
    return pages.page(rows, "id", item=_shipment)


@router.get("/{shipment_id}", response_model=Shipment)
async def get_shipment(shipment_id: UUID, who: Reader) -> Any:
    """One shipment with its lines."""
    async with module.db.read(who.company_id) as tx:
        row = await tx.fetchrow(GET, who.company_id, shipment_id)
    if row is None:
        raise _unknown(shipment_id)
    return _shipment(row)


@router.post("/{shipment_id}/ship", response_model=Shipment)
async def ship(shipment_id: UUID, who: Writer, idem: Idem) -> Response:
    """The goods leave: stock falls, the reservation is consumed."""
    async with module.db.write(who, idem) as tx:
        async with _held(tx, who.company_id, shipment_id, "ready", "ship order") as shipment:
            await ship_shipment(tx, who.company_id, shipment)
        return await _answer(tx, who.company_id, shipment_id)


@router.post("/{shipment_id}/fail", response_model=Shipment)
async def fail(shipment_id: UUID, body: Failure, who: Writer, idem: Idem) -> Response:
    """The goods will not leave: their stock is free again, and the order may be back-ordered."""
    async with module.db.write(who, idem) as tx:
        async with _held(tx, who.company_id, shipment_id, "ready", "fail shipment") as shipment:
            await fail_shipment(tx, who.company_id, shipment, body.reason)
        tx.after_commit(stock_came_in)
        return await _answer(tx, who.company_id, shipment_id)


@router.post("/{shipment_id}/return", response_model=Shipment)
async def take_back(shipment_id: UUID, who: Writer, idem: Idem, body: Return | None = None) -> Response:
    """Shipped goods came back: they are stock again at the cost at which they left."""
    async with module.db.write(who, idem) as tx:
        async with _held(tx, who.company_id, shipment_id, "shipped", "return shipment") as shipment:
            await return_shipment(tx, who.company_id, shipment, body.reason if body else None)
        tx.after_commit(stock_came_in)
        return await _answer(tx, who.company_id, shipment_id)


@asynccontextmanager
async def _held(
    tx: Tx, company_id: UUID, shipment_id: UUID, state: str, doing: str
) -> AsyncIterator[OpenShipment]:
    """Do something to a shipment in its order's trace, both locked.

    Problems: 404 if there is none, 409 if it is not in this state.
    """
    found = await tx.fetchrow(FIND, company_id, shipment_id)
    if found is None:
        raise _unknown(shipment_id)
    await demands.lock(tx, [found["order_id"]])
    for shipment in await open_shipments(tx, [found["order_id"]]):
        if shipment.id == shipment_id and shipment.state == state:
            with tracing.continuing(found["trace"], doing, **shipment.named):
                yield shipment
            return
    now = await tx.fetchrow(FIND, company_id, shipment_id)
    raise problem(
        409, "wrong-state", f"The shipment is {now['state']}, it must be {state}.", state=now["state"]
    )


async def _answer(tx: Tx, company_id: UUID, shipment_id: UUID) -> Response:
    return tx.respond(200, Shipment(**_shipment(await tx.fetchrow(GET, company_id, shipment_id))))


def _shipment(row: Any) -> dict[str, Any]:
    names = ("product_id", "quantity", "unit_cost")
    return {**row, "lines": [dict(zip(names, line, strict=True)) for line in row["lines"]]}


def _unknown(shipment_id: UUID) -> Exception:
    return problem(404, "not-found", f"There is no shipment {shipment_id} in this company.")
