"""Roles of the caller's company."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Page, Paging, Principal, idempotency, paging, require

from nexus_users.chassis import module
from nexus_users.roles import change_role, create_role, delete_role, list_roles, role
from nexus_users.schemas import RoleIn, RoleOut, RolePatch

router = APIRouter(prefix="/api/users/roles", tags=["roles"])
Idem = Annotated[Idempotency, Depends(idempotency)]
Reader = Annotated[Principal, Depends(require("users.user.read", "users.role.write"))]
Writer = Annotated[Principal, Depends(require("users.role.write"))]


@router.get("")
async def roles(who: Reader, page: Annotated[Paging, Depends(paging)]) -> Page[RoleOut]:
    """The company's roles."""
    async with module.db.read(who.company_id) as tx:
        rows = await list_roles(tx, who.company_id, page)
    return Page[RoleOut].model_validate(page.page(rows, "id"))


@router.get("/{role_id}")
async def one(role_id: UUID, who: Reader) -> RoleOut:
    """A role."""
    async with module.db.read(who.company_id) as tx:
        return RoleOut.model_validate(await role(tx, who.company_id, role_id))


@router.post("", status_code=201, response_model=RoleOut)
async def create(body: RoleIn, who: Writer, idem: Idem) -> Response:
    """Create a role within the caller's own permissions."""
    async with module.db.write(who, idem) as tx:
        role_id = await create_role(tx, who, body)
        return tx.respond(201, RoleOut.model_validate(await role(tx, who.company_id, role_id)))


@router.patch("/{role_id}", response_model=RoleOut)
async def change(role_id: UUID, body: RolePatch, who: Writer, idem: Idem) -> Response:
    """Change a role; its members' permissions change with it."""
    async with module.db.write(who, idem) as tx:
        await change_role(tx, who, role_id, body)
        return tx.respond(200, RoleOut.model_validate(await role(tx, who.company_id, role_id)))


@router.delete("/{role_id}", status_code=204, response_model=None)
async def delete(role_id: UUID, who: Writer, idem: Idem) -> Response:
    """Delete a role that is not in use."""
    async with module.db.write(who, idem) as tx:
        await delete_role(tx, who, role_id)
        return tx.respond(204)
