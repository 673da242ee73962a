"""Leads: people who may become customers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.visit import Outcome, SignedIn

router = APIRouter(prefix="/leads")
FIELDS = ("name", "organisation", "tax_id", "email", "phone", "city", "state", "source", "notes")


@router.get("")
async def listing(visit: SignedIn, q: str = "", status: str = "", cursor: str = "") -> Response:
    """All leads, or those in a state."""
    page = await visit.api.get("/api/crm/leads", q=q[:100], status=status, cursor=cursor, limit=50)
    template = "leads/rows.html" if visit.fragment else "leads/list.html"
    return visit.render(template, page=page, q=q, chosen=status)


@router.get("/new")
async def new(visit: SignedIn) -> Response:
    """An empty form."""
    return visit.render("leads/form.html", lead={}, id=None, outcome=Outcome())


@router.post("/new")
async def create(visit: SignedIn) -> Response:
    """Note a lead."""
    body = visit.form.fields(*FIELDS)
    outcome = await visit.submit("POST", "/api/crm/leads", body)
    if outcome:
        return visit.go(f"/leads/{outcome.data['id']}", visit.t("form.saved"))
    return visit.render("leads/form.html", outcome.status, lead=body, id=None, outcome=outcome)


@router.get("/{lead}")
async def detail(visit: SignedIn, lead: UUID) -> Response:
    """A lead, to change or to convert."""
    data = await visit.api.get(f"/api/crm/leads/{lead}")
    return visit.render("leads/form.html", lead=data, id=lead, outcome=Outcome())


@router.post("/{lead}")
async def change(visit: SignedIn, lead: UUID) -> Response:
    """Change a lead."""
    body = visit.form.fields(*FIELDS)
    if visit.form.text("status") in ("new", "qualified", "lost"):
        body["status"] = visit.form.text("status")
    outcome = await visit.submit("PATCH", f"/api/crm/leads/{lead}", body)
    if outcome:
        return visit.go(f"/leads/{lead}", visit.t("form.saved"))
    return visit.render("leads/form.html", outcome.status, lead=body, id=lead, outcome=outcome)


@router.post("/{lead}/convert")
async def convert(visit: SignedIn, lead: UUID) -> Response:
    """Make a customer of the lead."""
    body = {key: value for key, value in visit.form.fields("tax_id").items() if value}
    outcome = await visit.submit("POST", f"/api/crm/leads/{lead}/convert", body)
    if outcome:
        return visit.go(f"/customers/{outcome.data['customer']['id']}", visit.t("leads.converted"))
    data = await visit.api.get(f"/api/crm/leads/{lead}")
    return visit.render("leads/form.html", outcome.status, lead=data, id=lead, outcome=outcome)
