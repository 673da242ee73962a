"""Products: what can be stocked and sold."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from asyncpg import UniqueViolationError
from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Page, Paging, Principal, Tx, idempotency, paging, problem, require
from pydantic import BaseModel

from .fields import Code, Currency, Input, Money, Name, Search, Unit
from .service import module

router = APIRouter(prefix="/api/inventory/products", tags=["products"])

COLUMNS = "id, sku, name, unit, list_price, currency, active, created_at, updated_at"
CREATE = f"""
INSERT INTO products (company_id, sku, name, unit, list_price, currency, active)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {COLUMNS}
"""
GET = f"SELECT {COLUMNS} FROM products WHERE company_id = $1 AND id = $2"
CHANGE = f"""
UPDATE products SET sku = coalesce($3, sku), name = coalesce($4, name), unit = coalesce($5, unit),
                    list_price = coalesce($6, list_price), active = coalesce($7, active), updated_at = now()
 WHERE company_id = $1 AND id = $2 RETURNING {COLUMNS}
"""
LIST = f"""
SELECT {COLUMNS} FROM products
 WHERE company_id = $1 AND ($2::uuid IS NULL OR id < $2)
   AND ($3::text IS NULL OR strpos(lower(sku), lower($3)) > 0 OR strpos(lower(name), lower($3)) > 0)
   AND ($4::boolean IS NULL OR active = $4)
 ORDER BY id DESC LIMIT $5
"""
KNOWN = "SELECT id FROM products WHERE company_id = $1 AND id = ANY($2::uuid[])"


class NewProduct(Input):
    """`list_price` in `currency`, per `unit`."""

    sku: Code
    name: Name
    unit: Unit = "un"
    list_price: Money = Decimal(0)
    currency: Currency = "BRL"
    active: bool = True


class ProductChange(Input):
    """What to change. The currency stays: costs are kept in it."""

    sku: Code | None = None
    name: Name | None = None
    unit: Unit | None = None
    list_price: Money | None = None
    active: bool | None = None


class Product(BaseModel):
    """A product; `sku` is unique in its company."""

    id: UUID
    sku: str
    name: str
    unit: str
    list_price: Decimal
    currency: str
    active: bool
    created_at: datetime
    updated_at: datetime


async def check_known(tx: Tx, company_id: UUID, products: set[UUID]) -> None:
    """Problem 422, naming them, if some of these products do not exist in the company."""
    known = {row["id"] for row in await tx.fetch(KNOWN, company_id, list(products))}
    if unknown := sorted(str(product) for product in products - known):
        raise problem(
            422, "unknown-product", f"There is no product {unknown[0]} in this company.", unknown=unknown
        )


@router.get("", response_model=Page[Product])
async def list_products(
    who: Annotated[Principal, Depends(require("inventory.product.read"))],
    pages: Annotated[Paging, Depends(paging)],
    q: Search | None = None,
    active: bool | None = None,
) -> Any:
    """Products, newest first; `q` looks into SKU and name."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(LIST, who.company_id, pages.value(0, UUID), q, active, pages.limit + 1)
    return pages.page(rows, "id")


@router.post("", status_code=201, response_model=Product)
async def create_product(
    body: NewProduct,
    who: Annotated[Principal, Depends(require("inventory.product.write"))],
    idem: Annotated[Idempotency, Depends(idempotency)],
) -> Response:
    """Add a product."""
    async with module.db.write(who, idem) as tx:
        values = body.model_dump()
        try:
            row = await tx.fetchrow(CREATE, who.company_id, *values.values())
        except UniqueViolationError:
            raise _taken(body.sku) from None
        await _publish(tx, "product.created", Product(**row))
        return tx.respond(201, Product(**row))


@router.get("/{product_id}", response_model=Product)
async def get_product(
    product_id: UUID, who: Annotated[Principal, Depends(require("inventory.product.read"))]
) -> Any:
    """One product."""
    async with module.db.read(who.company_id) as tx:
        row = await tx.fetchrow(GET, who.company_id, product_id)
    if row is None:
        raise _unknown(product_id)
    return dict(row)


@router.patch("/{product_id}", response_model=Product)
async def change_product(
    product_id: UUID,
    body: ProductChange,
    who: Annotated[Principal, Depends(require("inventory.product.write"))],
    idem: Annotated[Idempotency, Depends(idempotency)],
) -> Response:
    """Change a product; fields left out stay."""
    async with module.db.write(who, idem) as tx:
        values = body.model_dump()
        try:
            row = await tx.fetchrow(CHANGE, who.company_id, product_id, *values.values())
        except UniqueViolationError:
            raise _taken(body.sku) from None
        if row is None:
            raise _unknown(product_id)
        await _publish(tx, "product.updated", Product(**row))
        return tx.respond(200, Product(**row))


async def _publish(tx: Tx, event: str, product: Product) -> None:
    fields = {"sku", "name", "unit", "list_price", "currency", "active"}
    data = {"product_id": str(product.id)} | product.model_dump(mode="json", include=fields)
    await tx.publish(event, product.id, data)


def _taken(sku: str | None) -> Exception:
    return problem(409, "duplicate-sku", f"There is already a product with SKU {sku}.", field="sku")


def _unknown(product_id: UUID) -> Exception:
    return problem(404, "not-found", f"There is no product {product_id} in this company.")
