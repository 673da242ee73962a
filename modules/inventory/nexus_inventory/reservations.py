"""Reservations: stock promised to orders, or by hand."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Page, Paging, Principal, idempotency, paging, problem, require
from pydantic import BaseModel

from . import ledger
from .backorders import stock_came_in
from .fields import Input, Quantity, Text
from .products import check_known
from .refusals import refusals
from .service import module
from .warehouses import pick

router = APIRouter(prefix="/api/inventory/reservations", tags=["reservations"])

State = Literal["active", "released", "consumed"]
COLUMNS = (
    "id, product_id, warehouse_id, quantity, state, order_id, shipment_id, reference, created_at, closed_at"
)
LIST = f"""
SELECT {COLUMNS} FROM reservations
 WHERE company_id = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::text IS NULL OR state = $3)
   AND ($4::uuid IS NULL OR order_id = $4) AND ($5::uuid IS NULL OR product_id = $5)
 ORDER BY id DESC LIMIT $6
"""
CREATE = f"""
INSERT INTO reservations (company_id, warehouse_id, product_id, quantity, reference, state)
VALUES ($1, $2, $3, $4, $5, 'active') RETURNING {COLUMNS}
"""
LOCK = "SELECT state, order_id FROM reservations WHERE company_id = $1 AND id = $2 FOR UPDATE"
RELEASE = f"UPDATE reservations SET state = 'released', closed_at = now() WHERE id = $1 RETURNING {COLUMNS}"


class NewReservation(Input):
    """So much of a product to be kept, without a warehouse in the default one; `reference` says for whom."""

    product_id: UUID
    quantity: Quantity
    warehouse_id: UUID | None = None
    reference: Text | None = None


class Reservation(BaseModel):
    """Stock promised. Those of an order have `order_id` and `shipment_id`."""

    id: UUID
    product_id: UUID
    warehouse_id: UUID
    quantity: Decimal
    state: State
    order_id: UUID | None
    shipment_id: UUID | None
    reference: str | None
    created_at: datetime
    closed_at: datetime | None


@router.get("", response_model=Page[Reservation])
async def list_reservations(
    who: Annotated[Principal, Depends(require("inventory.stock.read"))],
    pages: Annotated[Paging, Depends(paging)],
    state: State | None = None,
    order_id: UUID | None = None,
    product_id: UUID | None = None,
) -> Any:
    """Reservations, newest first."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(
            LIST, who.company_id, pages.value(0, UUID), state, order_id, product_id, pages.limit + 1
        )
    return pages.page(rows, "id")


@router.post("", status_code=201, response_model=Reservation)
async def reserve(
    body: NewReservation,
    who: Annotated[Principal, Depends(require("inventory.stock.write"))],
    idem: Annotated[Idempotency, Depends(idempotency)],
) -> Response:
    """Keep stock by hand; 409 when not so much is free."""
    async with module.db.write(who, idem) as tx:
        warehouse_id = await pick(tx, who.company_id, body.warehouse_id)
        await check_known(tx, who.company_id, {body.product_id})
        stock = await ledger.lock(tx, who.company_id, [body.product_id])
        with refusals():
            stock.reserve((body.product_id, warehouse_id), body.quantity)
        await ledger.save(tx, who.company_id, stock)
        row = await tx.fetchrow(
            CREATE, who.company_id, warehouse_id, body.product_id, body.quantity, body.reference
        )
        return tx.respond(201, Reservation(**row))


@router.delete("/{reservation_id}", response_model=Reservation)
async def release(
    reservation_id: UUID,
    who: Annotated[Principal, Depends(require("inventory.stock.write"))],
    idem: Annotated[Idempotency, Depends(idempotency)],
) -> Response:
    """Give back stock kept by hand. An order's is given back by cancelling it or failing its shipment."""
    async with module.db.write(who, idem) as tx:
        held = await tx.fetchrow(LOCK, who.company_id, reservation_id)
        if held is None:
            raise problem(404, "not-found", f"There is no reservation {reservation_id} in this company.")
        if held["order_id"] is not None:
            raise problem(
                409,
                "belongs-to-order",
                "This reservation belongs to an order: cancel the order or fail its shipment.",
                order_id=str(held["order_id"]),
            )
        if held["state"] != "active":
            raise problem(409, "not-active", f"This reservation is already {held['state']}.")
        row = await tx.fetchrow(RELEASE, reservation_id)
        stock = await ledger.lock(tx, who.company_id, [row["product_id"]])
        stock.release((row["product_id"], row["warehouse_id"]), row["quantity"])
        await ledger.save(tx, who.company_id, stock)
        tx.after_commit(stock_came_in)
        return tx.respond(200, Reservation(**row))
