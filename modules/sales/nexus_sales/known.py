"""What sales remembers of customers and products: to choose them while their modules are off."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from nexus_kit import Page, Paging, paging

from nexus_sales.chassis import Reader, module
from nexus_sales.models import KnownCustomer, KnownProduct

router = APIRouter(prefix="/api/sales", tags=["known"])
Words = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$", description="Part of the name or code")]


@router.get("/customers")
async def list_known_customers(
    who: Reader, pages: Annotated[Paging, Depends(paging)], q: Words = ""
) -> Page[KnownCustomer]:
    """Active customers that sales knows."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(
            """SELECT id, name, tax_id, email FROM customers
               WHERE company_id = $1 AND status = 'active' AND ($3::uuid IS NULL OR id < $3)
                 AND position(fold($2::text) in fold(concat_ws(' ', name, tax_id, email))) > 0
               ORDER BY id DESC LIMIT $4""",
            who.company_id,
            q.strip(),
            pages.value(0, UUID),
            pages.limit + 1,
        )
    return Page[KnownCustomer](**pages.page(rows, "id"))


@router.get("/products")
async def list_known_products(
    who: Reader, pages: Annotated[Paging, Depends(paging)], q: Words = ""
) -> Page[KnownProduct]:
    """Active products that sales knows."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(
            """SELECT id, sku, name, unit, list_price, currency FROM products
               WHERE company_id = $1 AND active AND ($3::uuid IS NULL OR id < $3)
                 AND position(fold($2::text) in fold(concat_ws(' ', sku, name))) > 0
               ORDER BY id DESC LIMIT $4""",
            who.company_id,
            q.strip(),
            pages.value(0, UUID),
            pages.limit + 1,
        )
    return Page[KnownProduct](**pages.page(rows, "id"))
