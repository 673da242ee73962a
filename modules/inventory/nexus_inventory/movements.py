"""Looking at stock: its levels and the movements behind them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from nexus_kit import Page, Paging, Principal, paging, require
from pydantic import BaseModel

from .service import module

router = APIRouter(prefix="/api/inventory", tags=["stock"])

Reader = Annotated[Principal, Depends(require("inventory.stock.read"))]
Pages = Annotated[Paging, Depends(paging)]

LEVELS = """
SELECT stock.product_id, products.sku, products.name, products.unit, stock.warehouse_id,
       warehouses.name AS warehouse, on_hand, reserved, on_hand - reserved AS available, average_cost
  FROM stock JOIN products ON products.id = product_id JOIN warehouses ON warehouses.id = warehouse_id
 WHERE stock.company_id = $1 AND ($2::uuid[] IS NULL OR stock.product_id = ANY($2))
   AND ($3::uuid IS NULL OR stock.warehouse_id = $3)
   AND ($4::uuid IS NULL OR (stock.product_id, stock.warehouse_id) > ($4, $5::uuid))
 ORDER BY stock.product_id, stock.warehouse_id LIMIT $6
"""
MOVEMENTS = """
SELECT id, kind, product_id, warehouse_id, quantity, unit_cost, document_id, created_at FROM movements
 WHERE company_id = $1 AND ($2::uuid IS NULL OR product_id = $2)
   AND ($3::uuid IS NULL OR id < $3) AND ($4::text IS NULL OR kind = $4)
 ORDER BY id DESC LIMIT $5
"""

Kind = Literal["receipt", "shipment", "return", "adjustment", "transfer"]


class StockLevel(BaseModel):
    """One product in one warehouse; `available` is what is on hand and not reserved."""

    product_id: UUID
    sku: str
    name: str
    unit: str
    warehouse_id: UUID
    warehouse: str
    on_hand: Decimal
    reserved: Decimal
    available: Decimal
    average_cost: Decimal


class StockMovement(BaseModel):
    """One line of the ledger of stock; a positive `quantity` came in, `unit_cost` is per unit."""

    id: UUID
    kind: Kind
    product_id: UUID
    warehouse_id: UUID
    quantity: Decimal
    unit_cost: Decimal
    document_id: UUID
    created_at: datetime


@router.get("/stock", response_model=Page[StockLevel])
async def list_stock(
    who: Reader,
    pages: Pages,
    product_id: Annotated[list[UUID] | None, Query(max_length=200)] = None,
    warehouse_id: UUID | None = None,
) -> Any:
    """Levels by product and warehouse; `product_id` may be repeated."""
    after = pages.value(0, UUID), pages.value(1, UUID)
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(LEVELS, who.company_id, product_id, warehouse_id, *after, pages.limit + 1)
    return pages.page(rows, "product_id", "warehouse_id")


@router.get("/movements", response_model=Page[StockMovement])
async def list_movements(
    who: Reader,
    pages: Pages,
    product_id: UUID | None = None,
    kind: Kind | None = None,
) -> Any:
    """The ledger of stock, newest first."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(
            MOVEMENTS, who.company_id, product_id, pages.value(0, UUID), kind, pages.limit + 1
        )
    return pages.page(rows, "id")
