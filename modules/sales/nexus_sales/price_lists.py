"""Price lists and the prices in them."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from asyncpg import CheckViolationError, UniqueViolationError
from fastapi import APIRouter, Depends, Response
from nexus_kit import Page, Paging, Problem, Tx, paging, problem

from nexus_sales.chassis import Idem, PriceWriter, Reader, module
from nexus_sales.models import ListedPrice, NewPriceList, PriceItems, PriceList, PriceListPatch

router = APIRouter(prefix="/api/sales/price-lists", tags=["price lists"])
COLUMNS = "id, name, currency, valid_from, valid_until, active, created_at"


@router.get("")
async def list_price_lists(
    who: Reader, pages: Annotated[Paging, Depends(paging)], active: bool | None = None
) -> Page[PriceList]:
    """Price lists, the newest first."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(
            f"""SELECT {COLUMNS} FROM price_lists
                WHERE company_id = $1 AND ($2::boolean IS NULL OR active = $2)
                  AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
                ORDER BY created_at DESC, id DESC LIMIT $5""",
            who.company_id,
            active,
            pages.value(0, datetime.fromisoformat),
            pages.value(1, UUID),
            pages.limit + 1,
        )
    return Page[PriceList](**pages.page(rows, "created_at", "id"))


@router.post("", status_code=201, response_model=PriceList)
async def create_price_list(who: PriceWriter, idem: Idem, new: NewPriceList) -> Response:
    """Make a price list; the names of active lists differ."""
    async with module.db.write(who, idem) as tx:
        try:
            row = await tx.fetchrow(
                f"""INSERT INTO price_lists (company_id, name, currency, valid_from, valid_until)
                    VALUES ($1, $2, $3, $4, $5) RETURNING {COLUMNS}""",
                who.company_id,
                new.name,
                new.currency,
                new.valid_from or _today(),
                new.valid_until,
            )
        except (UniqueViolationError, CheckViolationError) as error:
            raise _refused(error) from None
        return tx.respond(201, PriceList(**row))


@router.get("/{price_list_id}")
async def get_price_list(who: Reader, price_list_id: UUID) -> PriceList:
    """One price list."""
    async with module.db.read(who.company_id) as tx:
        return PriceList(**await _one(tx, who.company_id, price_list_id))


@router.patch("/{price_list_id}", response_model=PriceList)
async def change_price_list(
    who: PriceWriter, idem: Idem, price_list_id: UUID, patch: PriceListPatch
) -> Response:
    """Change a price list's name or validity, or switch it off; orders already priced keep their prices."""
    changes: dict[str, Any] = patch.model_dump(exclude_unset=True)
    async with module.db.write(who, idem) as tx:
        row = await _one(tx, who.company_id, price_list_id, lock=True)
        if changes:
            assignments = ", ".join(f"{column} = ${n}" for n, column in enumerate(changes, 3))
            try:
                row = await tx.fetchrow(
                    f"UPDATE price_lists SET {assignments}"
                    f" WHERE company_id = $1 AND id = $2 RETURNING {COLUMNS}",
                    who.company_id,
                    price_list_id,
                    *changes.values(),
                )
            except (UniqueViolationError, CheckViolationError) as error:
                raise _refused(error) from None
        return tx.respond(200, PriceList(**row))


@router.get("/{price_list_id}/items")
async def list_items(
    who: Reader, price_list_id: UUID, pages: Annotated[Paging, Depends(paging)]
) -> Page[ListedPrice]:
    """The prices of a list."""
    async with module.db.read(who.company_id) as tx:
        await _one(tx, who.company_id, price_list_id)
        rows = await tx.fetch(
            """SELECT i.product_id, p.sku, p.name, i.unit_price
               FROM price_list_items i LEFT JOIN products p ON p.company_id = $1 AND p.id = i.product_id
               WHERE i.company_id = $1 AND i.price_list_id = $2 AND ($3::uuid IS NULL OR i.product_id > $3)
               ORDER BY i.product_id LIMIT $4""",
            who.company_id,
            price_list_id,
            pages.value(0, UUID),
            pages.limit + 1,
        )
    return Page[ListedPrice](**pages.page(rows, "product_id"))


@router.put("/{price_list_id}/items", status_code=204)
async def replace_items(who: PriceWriter, idem: Idem, price_list_id: UUID, new: PriceItems) -> Response:
    """Replace all prices of a list; each product once, and known to sales."""
    products = [item.product_id for item in new.items]
    if len(set(products)) < len(products):
        raise problem(422, "repeated-product", "A product has one price in a list.", field="items")
    async with module.db.write(who, idem) as tx:
        await _one(tx, who.company_id, price_list_id, lock=True)
        unknown = await tx.fetch(
            """SELECT id FROM unnest($2::uuid[]) AS w(id)
               WHERE NOT EXISTS (SELECT FROM products p WHERE p.company_id = $1 AND p.id = w.id)""",
            who.company_id,
            products,
        )
        if unknown:
            first = str(unknown[0]["id"])
            raise problem(
                422,
                "unknown-product",
                f"Sales does not know product {first}. If it was created a moment ago, try again.",
                product_id=first,
                retry=True,
            )
        await tx.execute(
            """DELETE FROM price_list_items
               WHERE company_id = $1 AND price_list_id = $2 AND product_id <> ALL($3::uuid[])""",
            who.company_id,
            price_list_id,
            products,
        )
        await tx.execute(
            """INSERT INTO price_list_items (company_id, price_list_id, product_id, unit_price)
               SELECT $1, $2, * FROM unnest($3::uuid[], $4::numeric[])
               ON CONFLICT (company_id, price_list_id, product_id)
               DO UPDATE SET unit_price = excluded.unit_price""",
            who.company_id,
            price_list_id,
            products,
            [item.unit_price for item in new.items],
        )
        return tx.respond(204)


async def _one(tx: Tx, company_id: UUID, price_list_id: UUID, lock: bool = False) -> Any:
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM price_lists WHERE company_id = $1 AND id = $2"
        + (" FOR UPDATE" if lock else ""),
        company_id,
        price_list_id,
    )
    if row is None:
        raise problem(404, "price-list-not-found", f"There is no price list {price_list_id}.")
    return row


def _today() -> date:
    return datetime.now(UTC).date()


def _refused(error: UniqueViolationError | CheckViolationError) -> Problem:
    if error.constraint_name == "price_lists_name":
        return problem(409, "duplicate-name", "Another active price list has this name.", field="name")
    if error.constraint_name == "price_lists_validity":
        return problem(422, "invalid-validity", "A list cannot end before it begins.", field="valid_until")
    raise error
