"""The caller's company, and new ones."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Principal, idempotency, new_id, require

from nexus_users.api.telling_once import tell_once, without_token
from nexus_users.chassis import module
from nexus_users.companies import company, found_company, rename_company, require_operator
from nexus_users.schemas import CompanyIn, CompanyMade, CompanyOut, CompanyPatch

router = APIRouter(prefix="/api/users/companies", tags=["companies"])
Idem = Annotated[Idempotency, Depends(idempotency)]


@router.get("/current")
async def current(who: Annotated[Principal, Depends(require())]) -> CompanyOut:
    """The caller's company."""
    async with module.db.read(who.company_id) as tx:
        return CompanyOut.model_validate(await company(tx, who.company_id))


@router.patch("/current", response_model=CompanyOut)
async def rename(
    body: CompanyPatch, who: Annotated[Principal, Depends(require("users.company.write"))], idem: Idem
) -> Response:
    """Rename the caller's company."""
    async with module.db.write(who, idem) as tx:
        return tx.respond(200, CompanyOut.model_validate(await rename_company(tx, who.company_id, body.name)))


@router.post("", status_code=201, response_model=CompanyMade)
async def create(
    body: CompanyIn, who: Annotated[Principal, Depends(require("users.company.create"))], idem: Idem
) -> Response:
    """Create a company and invite its administrator; for the company that runs the installation only."""
    async with module.db.write(who, idem) as tx:
        await require_operator(tx, who)
        # The new company is another tenant; every statement below names it.
        await tx.execute("SET LOCAL nexus.scope = 'system'")
        made = CompanyMade.model_validate(await found_company(tx, new_id(), body, who.user_id))
        return tell_once(tx, made, made.model_copy(update={"invitation": without_token(made.invitation)}))
