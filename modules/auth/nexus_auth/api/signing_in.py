"""Login, refresh, logout and sessions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from nexus_kit import Principal, problem, require

from nexus_auth.api.refusals import refusals
from nexus_auth.chassis import module, policy
from nexus_auth.client import Client, client_of
from nexus_auth.login import Granted, sign_in
from nexus_auth.refresh import refresh
from nexus_auth.schemas import LoginIn, RefreshIn, SessionOut, SessionsOut, TokensOut, UserOut
from nexus_auth.sessions import end_session, live_sessions

router = APIRouter(prefix="/api/auth", tags=["sign-in"])
Caller = Annotated[Client, Depends(client_of)]
Person = Annotated[Principal, Depends(require())]


def _tokens(granted: Granted, response: Response) -> TokensOut:
    response.headers["Cache-Control"] = "no-store"
    return TokensOut(
        access_token=granted.access_token,
        refresh_token=granted.refresh_token,
        expires_in=policy.access_ttl,
        user=UserOut(
            id=granted.user_id,
            email=granted.email,
            name=granted.name,
            company_id=granted.company_id,
            permissions=granted.permissions,
        ),
    )


@router.post(
    "/login", responses=refusals({401: "E-mail or password are wrong.", 403: "The account is disabled."})
)
async def login(body: LoginIn, client: Caller, response: Response) -> TokensOut:
    """Sign in with e-mail and password."""
    return _tokens(await sign_in(body.email, body.password, client), response)


@router.post("/refresh", responses=refusals({401: "The token is unknown, expired or reused."}))
async def rotate_refresh_token(body: RefreshIn, client: Caller, response: Response) -> TokensOut:
    """Spend a refresh token for a new pair. A token spent twice ends its session."""
    return _tokens(await refresh(body.refresh_token, client), response)


@router.post("/logout", status_code=204)
async def logout(who: Person) -> None:
    """End the session of the token that comes with the request."""
    if who.session_id is None:
        raise problem(400, "no-session", "This token belongs to no session.")
    async with module.db.transaction(who.company_id) as tx:
        await end_session(tx, who.session_id, "logout", who.user_id)


@router.get("/sessions")
async def sessions(who: Person) -> SessionsOut:
    """Where the caller is signed in."""
    async with module.db.read(who.company_id) as tx:
        rows = await live_sessions(tx, who.user_id)
    return SessionsOut(items=[SessionOut(**dict(row), current=row["id"] == who.session_id) for row in rows])


@router.delete("/sessions/{session_id}", status_code=204)
async def revoke_session(session_id: UUID, who: Person) -> None:
    """End one of the caller's sessions, or anyone's in the company with auth.session.revoke."""
    everyone = who.can("auth.session.revoke")
    async with module.db.transaction(who.company_id) as tx:
        owner = await tx.fetchval("SELECT user_id FROM sessions WHERE id = $1", session_id)
        if owner is None or (owner != who.user_id and not everyone):
            raise problem(404, "no-such-session", "There is no such session.")
        await end_session(tx, session_id, "by_user" if owner == who.user_id else "by_admin")
