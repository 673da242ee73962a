"""The company's people: who works here, what they may do, whom to invite."""

from __future__ import annotations

import asyncio
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.visit import Outcome, SignedIn, Visit

router = APIRouter(prefix="/people")


@router.get("")
async def listing(visit: SignedIn, q: str = "", cursor: str = "") -> Response:
    """People and open invitations."""
    page, invitations = await asyncio.gather(
        visit.api.get("/api/users", q=q[:100], cursor=cursor, limit=50),
        visit.api.part("/api/users/invitations", state="pending", limit=50),
    )
    template = "people/rows.html" if visit.fragment else "people/list.html"
    return visit.render(template, page=page, q=q, invitations=invitations)


@router.get("/invite")
async def invite_form(visit: SignedIn) -> Response:
    """Whom to invite, with which roles."""
    return await invitation(visit, Outcome())


@router.post("/invite")
async def invite(visit: SignedIn) -> Response:
    """Send an invitation; its link is shown once."""
    body = {**visit.form.fields("email", "name"), "roles": visit.form.all("roles")}
    outcome = await visit.submit("POST", "/api/users/invitations", body)
    if not outcome:
        return await invitation(visit, outcome)
    return visit.render("people/link.html", email=body["email"], link=link_to(visit, outcome.data["token"]))


@router.post("/invitations/{invited}/link")
async def new_link(visit: SignedIn, invited: UUID) -> Response:
    """A new link for an invitation; the former one is void."""
    outcome = await visit.submit("POST", f"/api/users/invitations/{invited}/link")
    if not outcome:
        return visit.go("/people", outcome.problem, "bad")
    return visit.render(
        "people/link.html", email=visit.form.text("email"), link=link_to(visit, outcome.data["token"])
    )


@router.post("/invitations/{invited}/revoke")
async def revoke(visit: SignedIn, invited: UUID) -> Response:
    """Take an invitation back."""
    path = f"/api/users/invitations/{invited}"
    return await visit.act("DELETE", path, "/people", visit.t("people.revoked"))


@router.get("/{person}")
async def detail(visit: SignedIn, person: UUID) -> Response:
    """A person, their roles and what these come to."""
    return await show(visit, person, Outcome())


@router.post("/{person}")
async def change(visit: SignedIn, person: UUID) -> Response:
    """Change a person's name or e-mail."""
    outcome = await visit.submit("PATCH", f"/api/users/{person}", visit.form.fields("name", "email"))
    if outcome:
        return visit.go(f"/people/{person}", visit.t("form.saved"))
    return await show(visit, person, outcome)


@router.post("/{person}/roles")
async def set_roles(visit: SignedIn, person: UUID) -> Response:
    """Give a person exactly these roles."""
    body = {"roles": visit.form.all("roles")}
    path = f"/api/users/{person}/roles"
    return await visit.act("PUT", path, f"/people/{person}", visit.t("people.roles_set"), body)


@router.post("/{person}/disable")
async def disable(visit: SignedIn, person: UUID) -> Response:
    """Shut a person out; their sessions end."""
    path = f"/api/users/{person}/disable"
    return await visit.act("POST", path, f"/people/{person}", visit.t("people.disabled"))


@router.post("/{person}/enable")
async def enable(visit: SignedIn, person: UUID) -> Response:
    """Let a person in again."""
    path = f"/api/users/{person}/enable"
    return await visit.act("POST", path, f"/people/{person}", visit.t("people.enabled"))


async def show(visit: Visit, person: UUID, outcome: Outcome) -> Response:
    """The person's page."""
    data, roles = await asyncio.gather(
        visit.api.get(f"/api/users/{person}"), visit.api.part("/api/users/roles", limit=100)
    )
    return visit.render("people/detail.html", outcome.status, person=data, roles=roles.items, outcome=outcome)


async def invitation(visit: Visit, outcome: Outcome) -> Response:
    """The invitation's form."""
    roles = await visit.api.part("/api/users/roles", limit=100)
    return visit.render("people/invite.html", outcome.status, roles=roles.items, outcome=outcome)


def link_to(visit: Visit, token: str | None) -> str:
    """The address the invited person opens; empty when the token was told before."""
    base = f"{visit.request.url.scheme}://{visit.request.headers.get('host', '')}"
    return f"{base}/invitation?token={token}" if token else ""
