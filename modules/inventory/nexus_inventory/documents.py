"""What changes stock by hand: receipts, adjustments, transfers. Their lines are movements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Page, Paging, Principal, idempotency, paging, problem, require

from . import ledger
from .backorders import stock_came_in
from .document_models import (
    Adjustment,
    Line,
    NewAdjustment,
    NewReceipt,
    NewTransfer,
    Receipt,
    Transfer,
)
from .levels import Movement
from .products import check_known
from .refusals import refusals
from .service import module
from .warehouses import pick

router = APIRouter(prefix="/api/inventory", tags=["stock documents"])

Reader = Annotated[Principal, Depends(require("inventory.stock.read"))]
Writer = Annotated[Principal, Depends(require("inventory.stock.write"))]
Idem = Annotated[Idempotency, Depends(idempotency)]

RECEIPT = """
INSERT INTO receipts (company_id, warehouse_id, reference, created_by) VALUES ($1, $2, $3, $4)
RETURNING id, warehouse_id, reference, created_at
"""
ADJUSTMENT = """
INSERT INTO adjustments (company_id, warehouse_id, reason, created_by) VALUES ($1, $2, $3, $4)
RETURNING id, warehouse_id, reason, created_at
"""
TRANSFER = """
INSERT INTO transfers (company_id, from_warehouse_id, to_warehouse_id, created_by) VALUES ($1, $2, $3, $4)
RETURNING id, from_warehouse_id, to_warehouse_id, created_at
"""
RECEIPTS = """
SELECT id, warehouse_id, reference, created_at,
       ARRAY(SELECT ROW(product_id, quantity, unit_cost) FROM movements
              WHERE document_id = receipts.id ORDER BY id) AS lines
  FROM receipts WHERE company_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
"""


@router.get("/receipts", response_model=Page[Receipt])
async def list_receipts(who: Reader, pages: Annotated[Paging, Depends(paging)]) -> Any:
    """Receipts with their lines, newest first."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(RECEIPTS, who.company_id, pages.value(0, UUID), pages.limit + 1)
    return pages.page(rows, "id", item=_receipt)


@router.post("/receipts", status_code=201, response_model=Receipt)
async def receive(body: NewReceipt, who: Writer, idem: Idem) -> Response:
    """Goods come in; back-orders that wait for them are served at once."""
    async with module.db.write(who, idem) as tx:
        warehouse_id = await pick(tx, who.company_id, body.warehouse_id)
        products = {line.product_id for line in body.lines}
        await check_known(tx, who.company_id, products)
        head = await tx.fetchrow(RECEIPT, who.company_id, warehouse_id, body.reference, who.user_id)
        await ledger.open_levels(tx, who.company_id, [(product, warehouse_id) for product in products])
        stock = await ledger.lock(tx, who.company_id, products)
        with refusals():
            for line in body.lines:
                place = (line.product_id, warehouse_id)
                stock.receive(place, line.quantity, line.unit_cost, "receipt", head["id"])
        await ledger.save(tx, who.company_id, stock)
        tx.after_commit(stock_came_in)
        return tx.respond(201, Receipt(**head, lines=_lines(stock.movements)))


@router.post("/adjustments", status_code=201, response_model=Adjustment)
async def adjust(body: NewAdjustment, who: Writer, idem: Idem) -> Response:
    """Correct stock; refused (409) where it would take what is not there or is reserved."""
    if any(line.quantity == 0 for line in body.lines):
        raise problem(422, "no-change", "An adjustment's quantity must not be zero.", field="lines")
    async with module.db.write(who, idem) as tx:
        warehouse_id = await pick(tx, who.company_id, body.warehouse_id)
        products = {line.product_id for line in body.lines}
        await check_known(tx, who.company_id, products)
        head = await tx.fetchrow(ADJUSTMENT, who.company_id, warehouse_id, body.reason, who.user_id)
        await ledger.open_levels(tx, who.company_id, [(product, warehouse_id) for product in products])
        stock = await ledger.lock(tx, who.company_id, products)
        with refusals():
            for line in body.lines:
                place = (line.product_id, warehouse_id)
                if line.quantity > 0:
                    stock.receive(place, line.quantity, line.unit_cost, "adjustment", head["id"])
                else:
                    stock.issue(place, -line.quantity, "adjustment", head["id"])
        await ledger.save(tx, who.company_id, stock)
        tx.after_commit(stock_came_in)
        return tx.respond(201, Adjustment(**head, lines=_lines(stock.movements)))


@router.post("/transfers", status_code=201, response_model=Transfer)
async def transfer(body: NewTransfer, who: Writer, idem: Idem) -> Response:
    """Move free stock to another warehouse; refused (409) where there is not enough."""
    if body.from_warehouse_id == body.to_warehouse_id:
        raise problem(422, "same-warehouse", "A transfer needs two different warehouses.")
    async with module.db.write(who, idem) as tx:
        source = await pick(tx, who.company_id, body.from_warehouse_id)
        target = await pick(tx, who.company_id, body.to_warehouse_id)
        products = {line.product_id for line in body.lines}
        await check_known(tx, who.company_id, products)
        head = await tx.fetchrow(TRANSFER, who.company_id, source, target, who.user_id)
        await ledger.open_levels(tx, who.company_id, [(product, target) for product in products])
        stock = await ledger.lock(tx, who.company_id, products)
        with refusals():
            for line in body.lines:
                cost = stock.issue((line.product_id, source), line.quantity, "transfer", head["id"])
                stock.receive((line.product_id, target), line.quantity, cost, "transfer", head["id"])
        await ledger.save(tx, who.company_id, stock)
        tx.after_commit(stock_came_in)
        return tx.respond(201, Transfer(**head, lines=_lines(stock.movements[1::2])))


def _lines(movements: Iterable[Movement]) -> list[Line]:
    return [
        Line(product_id=line.product_id, quantity=line.quantity, unit_cost=line.unit_cost)
        for line in movements
    ]


def _receipt(row: Any) -> dict[str, Any]:
    names = ("product_id", "quantity", "unit_cost")
    return {**row, "lines": [dict(zip(names, line, strict=True)) for line in row["lines"]]}
