"""Roles: named sets of permissions that may inherit from each other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.visit import Outcome, SignedIn, Visit

router = APIRouter(prefix="/roles")

PERMISSIONS = {
    "crm": ("customer.read", "customer.write", "lead.read", "lead.write"),
    "sales": ("order.read", "order.write", "price.write"),
    "inventory": ("product.read", "product.write", "stock.read", "stock.write", "shipment.write"),
    "financial": (
        "invoice.read",
        "payment.read",
        "payment.write",
        "entry.read",
        "entry.write",
        "period.write",
        "close.write",
        "pix.simulate",
    ),
    "users": ("user.read", "user.write", "role.write", "invitation.write"),
}
KNOWN = frozenset(f"{module}.{name}" for module, names in PERMISSIONS.items() for name in names)


@router.get("")
async def listing(visit: SignedIn) -> Response:
    """All roles."""
    page = await visit.api.get("/api/users/roles", limit=100)
    return visit.render("people/roles.html", roles=page["items"])


@router.get("/new")
async def new(visit: SignedIn) -> Response:
    """An empty role."""
    return await form(visit, {"name": "", "permissions": [], "parents": []}, None, Outcome())


@router.post("/new")
async def create(visit: SignedIn) -> Response:
    """Add a role."""
    body = role_body(visit, [])
    outcome = await visit.submit("POST", "/api/users/roles", body)
    if outcome:
        return visit.go("/roles", visit.t("form.saved"))
    return await form(visit, body, None, outcome)


@router.get("/{role}")
async def detail(visit: SignedIn, role: UUID) -> Response:
    """A role, to change."""
    return await form(visit, await visit.api.get(f"/api/users/roles/{role}"), role, Outcome())


@router.post("/{role}")
async def change(visit: SignedIn, role: UUID) -> Response:
    """Change a role; permissions this page does not know stay."""
    before = await visit.api.get(f"/api/users/roles/{role}")
    body = role_body(visit, [one for one in before["permissions"] if one not in KNOWN])
    outcome = await visit.submit("PATCH", f"/api/users/roles/{role}", body)
    if outcome:
        return visit.go("/roles", visit.t("form.saved"))
    return await form(visit, {**before, **body}, role, outcome)


@router.post("/{role}/delete")
async def delete(visit: SignedIn, role: UUID) -> Response:
    """Remove a role."""
    return await visit.act("DELETE", f"/api/users/roles/{role}", "/roles", visit.t("people.role_deleted"))


async def form(visit: Visit, role: dict[str, Any], id: UUID | None, outcome: Outcome) -> Response:
    """The form of a role."""
    others = await visit.api.get("/api/users/roles", limit=100)
    return visit.render(
        "people/role.html",
        outcome.status,
        role=role,
        id=id,
        outcome=outcome,
        others=[one for one in others["items"] if one["id"] != str(id)],
        modules=PERMISSIONS,
    )


def role_body(visit: Visit, kept: list[str]) -> dict[str, Any]:
    """The form as the API takes it."""
    chosen = [one for one in visit.form.all("permissions") if one in KNOWN]
    return {
        "name": visit.form.text("name"),
        "permissions": sorted({*chosen, *kept}),
        "parents": visit.form.all("parents"),
    }
