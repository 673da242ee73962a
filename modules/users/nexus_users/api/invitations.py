"""Invitations into the caller's company, and accepting one."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from nexus_kit import Idempotency, Page, Paging, Principal, idempotency, paging, require

from nexus_users.api.telling_once import tell_once, without_token
from nexus_users.chassis import module
from nexus_users.invitations import accept, invite_colleague, list_invitations, new_link, revoke
from nexus_users.schemas import AcceptedOut, AcceptIn, InvitationIn, InvitationMade, InvitationOut, LinkOut

router = APIRouter(prefix="/api/users/invitations", tags=["invitations"])
Idem = Annotated[Idempotency, Depends(idempotency)]
Writer = Annotated[Principal, Depends(require("users.invitation.write"))]
States = Literal["pending", "accepted", "revoked", "expired"]


@router.get("")
async def invitations(
    who: Annotated[Principal, Depends(require("users.invitation.write", "users.user.read"))],
    page: Annotated[Paging, Depends(paging)],
    state: Annotated[States | None, Query()] = None,
) -> Page[InvitationOut]:
    """The company's invitations."""
    async with module.db.read(who.company_id) as tx:
        rows = await list_invitations(tx, page, state)
    return Page[InvitationOut].model_validate(page.page(rows, "id"))


@router.post("", status_code=201, response_model=InvitationMade)
async def create(body: InvitationIn, who: Writer, idem: Idem) -> Response:
    """Invite someone by mail. The token is also in this answer, once."""
    async with module.db.write(who, idem) as tx:
        made = InvitationMade.model_validate(
            await invite_colleague(tx, who, body.email, body.name, body.roles)
        )
        return tell_once(tx, made, without_token(made))


@router.post("/{invitation_id}/link")
async def link(invitation_id: UUID, who: Writer, response: Response) -> LinkOut:
    """A new token with a full term, mailed again; the former one is void."""
    async with module.db.transaction(who.company_id) as tx:
        token, expires_at = await new_link(tx, who, invitation_id)
    response.headers["Cache-Control"] = "no-store"
    return LinkOut(token=token, expires_at=expires_at)


@router.delete("/{invitation_id}", status_code=204, response_model=None)
async def take_back(invitation_id: UUID, who: Writer, idem: Idem) -> Response:
    """Take a pending invitation back."""
    async with module.db.write(who, idem) as tx:
        await revoke(tx, invitation_id)
        return tx.respond(204)


@router.post("/accept", status_code=201)
async def join(body: AcceptIn) -> AcceptedOut:
    """Become a user of the company that sent the invitation. No token of one's own is needed."""
    return AcceptedOut.model_validate(await accept(body.token, body.name, body.password))
