"""One's own account: password, and where one is logged in."""

from __future__ import annotations

import asyncio
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.visit import Outcome, SignedIn, Visit

router = APIRouter(prefix="/account")


@router.get("")
async def account(visit: SignedIn) -> Response:
    """Who one is here, one's password and sessions."""
    return await show(visit, Outcome())


@router.post("/password")
async def password(visit: SignedIn) -> Response:
    """Change one's password; the other sessions end."""
    body = {
        "current_password": visit.form.raw("current_password"),
        "new_password": visit.form.raw("new_password"),
    }
    outcome = await visit.submit("POST", "/api/auth/password/change", body)
    if outcome:
        return visit.go("/account", visit.t("account.password_changed"))
    return await show(visit, outcome)


@router.post("/sessions/{session}/end")
async def end_session(visit: SignedIn, session: UUID) -> Response:
    """Log out somewhere else."""
    path = f"/api/auth/sessions/{session}"
    return await visit.act("DELETE", path, "/account", visit.t("account.session_ended"))


async def show(visit: Visit, outcome: Outcome) -> Response:
    """The page."""
    me, sessions = await asyncio.gather(visit.api.part("/api/users/me"), visit.api.part("/api/auth/sessions"))
    return visit.render("account/page.html", outcome.status, me=me, sessions=sessions, outcome=outcome)
