"""People of the caller's company."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from nexus_kit import Idempotency, Page, Paging, Principal, Tx, idempotency, paging, require

from nexus_users.chassis import module
from nexus_users.companies import company
from nexus_users.people import change_person, list_people, person, set_active, set_roles
from nexus_users.schemas import CompanyOut, MeOut, UserDetail, UserOut, UserPatch, UserRolesIn

router = APIRouter(prefix="/api/users", tags=["users"])
Idem = Annotated[Idempotency, Depends(idempotency)]
Reader = Annotated[Principal, Depends(require("users.user.read"))]
Writer = Annotated[Principal, Depends(require("users.user.write"))]


@router.get("")
async def people(
    who: Reader,
    page: Annotated[Paging, Depends(paging)],
    state: Annotated[Literal["active", "disabled"] | None, Query()] = None,
    q: Annotated[
        str | None, Query(max_length=100, pattern=r"^[^\x00]*$", description="In name or e-mail.")
    ] = None,
) -> Page[UserOut]:
    """The company's people."""
    async with module.db.read(who.company_id) as tx:
        rows = await list_people(tx, page, state, q)
    return Page[UserOut].model_validate(page.page(rows, "id"))


@router.get("/me")
async def me(who: Annotated[Principal, Depends(require())]) -> MeOut:
    """The caller."""
    async with module.db.read(who.company_id) as tx:
        found = await person(tx, who.company_id, who.user_id)
        return MeOut(**found, company=CompanyOut.model_validate(await company(tx, who.company_id)))


@router.get("/{user_id}")
async def one(user_id: UUID, who: Reader) -> UserDetail:
    """A person with their effective permissions."""
    async with module.db.read(who.company_id) as tx:
        return UserDetail.model_validate(await person(tx, who.company_id, user_id))


@router.patch("/{user_id}", response_model=UserDetail)
async def change(user_id: UUID, body: UserPatch, who: Writer, idem: Idem) -> Response:
    """Change a person's name or the e-mail they sign in with."""
    async with module.db.write(who, idem) as tx:
        await change_person(tx, who, user_id, body)
        return await _answer(tx, who, user_id)


@router.post("/{user_id}/disable", response_model=UserDetail)
async def disable(user_id: UUID, who: Writer, idem: Idem) -> Response:
    """Shut a person out: their sessions end."""
    async with module.db.write(who, idem) as tx:
        await set_active(tx, who, user_id, active=False)
        return await _answer(tx, who, user_id)


@router.post("/{user_id}/enable", response_model=UserDetail)
async def enable(user_id: UUID, who: Writer, idem: Idem) -> Response:
    """Let a person in again."""
    async with module.db.write(who, idem) as tx:
        await set_active(tx, who, user_id, active=True)
        return await _answer(tx, who, user_id)


@router.put("/{user_id}/roles", response_model=UserDetail)
async def roles(
    user_id: UUID,
    body: UserRolesIn,
    who: Annotated[Principal, Depends(require("users.role.write"))],
    idem: Idem,
) -> Response:
    """Give a person exactly these roles."""
    async with module.db.write(who, idem) as tx:
        await set_roles(tx, who, user_id, body.roles)
        return await _answer(tx, who, user_id)


async def _answer(tx: Tx, who: Principal, user_id: UUID) -> Response:
    return tx.respond(200, UserDetail.model_validate(await person(tx, who.company_id, user_id)))
