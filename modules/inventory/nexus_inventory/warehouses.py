"""Warehouses; a company's first one is made when it is first needed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from asyncpg import UniqueViolationError
from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Principal, Tx, idempotency, problem, require
from pydantic import BaseModel

from .fields import Input, Name
from .service import module

router = APIRouter(prefix="/api/inventory/warehouses", tags=["warehouses"])

Dispatch = Literal["automatic", "manual"]
COLUMNS = "id, name, dispatch, is_default, created_at"
ALL = f"SELECT {COLUMNS} FROM warehouses WHERE company_id = $1 ORDER BY is_default DESC, created_at, id"
FIRST = """
INSERT INTO warehouses (company_id, name, is_default)
SELECT $1, $2, true WHERE NOT EXISTS (SELECT FROM warehouses WHERE company_id = $1 AND is_default)
    ON CONFLICT DO NOTHING
"""
CREATE = f"""
INSERT INTO warehouses (company_id, name, dispatch, is_default) VALUES ($1, $2, $3, $4) RETURNING {COLUMNS}
"""
CHANGE = f"""
UPDATE warehouses SET name = coalesce($3, name), dispatch = coalesce($4, dispatch),
                      is_default = is_default OR coalesce($5, false)
 WHERE company_id = $1 AND id = $2 RETURNING {COLUMNS}
"""
# Two statements: the first waits for others who change the default, the second sees what they made of it.
LOCK_ALL = "SELECT FROM warehouses WHERE company_id = $1 ORDER BY id FOR NO KEY UPDATE"
DEMOTE = "UPDATE warehouses SET is_default = false WHERE company_id = $1 AND is_default AND id <> $2"
FIND = "SELECT id FROM warehouses WHERE company_id = $1 AND (id = $2 OR ($2::uuid IS NULL AND is_default))"


class NewWarehouse(Input):
    """`automatic` warehouses ship an order at the moment its stock is reserved."""

    name: Name
    dispatch: Dispatch = "automatic"
    is_default: bool = False


class WarehouseChange(Input):
    """What to change. The default warehouse changes by making another one the default."""

    name: Name | None = None
    dispatch: Dispatch | None = None
    is_default: Literal[True] | None = None


class Warehouse(BaseModel):
    """A place that holds stock."""

    id: UUID
    name: str
    dispatch: Dispatch
    is_default: bool
    created_at: datetime


class Warehouses(BaseModel):
    """All of a company's warehouses, the default one first."""

    items: list[Warehouse]
    next: None = None


async def ensure_default(tx: Tx, company_id: UUID) -> None:
    """Give the company its default warehouse, if it has none."""
    await tx.execute(FIRST, company_id, "Principal")


async def pick(tx: Tx, company_id: UUID, warehouse_id: UUID | None) -> UUID:
    """The warehouse named, or the default one where none is named. Problem 422 if it does not exist."""
    if warehouse_id is None:
        await ensure_default(tx, company_id)
    found: UUID | None = await tx.fetchval(FIND, company_id, warehouse_id)
    if found is None:
        raise problem(422, "unknown-warehouse", f"There is no warehouse {warehouse_id} in this company.")
    return found


@router.get("", response_model=Warehouses)
async def list_warehouses(who: Annotated[Principal, Depends(require("inventory.stock.read"))]) -> Any:
    """All warehouses, the default one first."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(ALL, who.company_id)
    if not rows:
        async with module.db.transaction(who.company_id) as tx:
            await ensure_default(tx, who.company_id)
            rows = await tx.fetch(ALL, who.company_id)
    return {"items": [dict(row) for row in rows]}


@router.post("", status_code=201, response_model=Warehouse)
async def create_warehouse(
    body: NewWarehouse,
    who: Annotated[Principal, Depends(require("inventory.stock.write"))],
    idem: Annotated[Idempotency, Depends(idempotency)],
) -> Response:
    """Add a warehouse."""
    async with module.db.write(who, idem) as tx:
        await ensure_default(tx, who.company_id)
        if body.is_default:
            await tx.execute(LOCK_ALL, who.company_id)
        try:
            row = await tx.fetchrow(CREATE, who.company_id, body.name, body.dispatch, False)
        except UniqueViolationError:
            raise _taken(body.name) from None
        if body.is_default:
            await tx.execute(DEMOTE, who.company_id, row["id"])
            row = await tx.fetchrow(CHANGE, who.company_id, row["id"], None, None, True)
        return tx.respond(201, Warehouse(**row))


@router.patch("/{warehouse_id}", response_model=Warehouse)
async def change_warehouse(
    warehouse_id: UUID,
    body: WarehouseChange,
    who: Annotated[Principal, Depends(require("inventory.stock.write"))],
    idem: Annotated[Idempotency, Depends(idempotency)],
) -> Response:
    """Rename a warehouse, change how it dispatches, make it the default."""
    async with module.db.write(who, idem) as tx:
        if await tx.fetchval(FIND, who.company_id, warehouse_id) is None:
            raise problem(404, "not-found", f"There is no warehouse {warehouse_id} in this company.")
        if body.is_default:
            await tx.execute(LOCK_ALL, who.company_id)
            await tx.execute(DEMOTE, who.company_id, warehouse_id)
        try:
            row = await tx.fetchrow(
                CHANGE, who.company_id, warehouse_id, body.name, body.dispatch, body.is_default
            )
        except UniqueViolationError:
            raise _taken(body.name) from None
        return tx.respond(200, Warehouse(**row))


def _taken(name: str | None) -> Exception:
    return problem(409, "duplicate-name", f"There is already a warehouse named {name}.", field="name")
