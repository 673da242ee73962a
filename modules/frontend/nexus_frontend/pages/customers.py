"""Customers: search as you type, register with the tax id checked, look after."""

from __future__ import annotations

import asyncio
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.problems import ApiProblem, BrickDown
from nexus_frontend.visit import Outcome, SignedIn, Visit

router = APIRouter(prefix="/customers")
FIELDS = ("name", "tax_id", "email", "phone", "city", "state")
KINDS = ("call", "email", "meeting", "visit", "message", "note")


@router.get("")
async def listing(visit: SignedIn, q: str = "", status: str = "", cursor: str = "") -> Response:
    """All customers, or those that match."""
    page = await visit.api.get("/api/crm/customers", q=q[:100], status=status, cursor=cursor, limit=50)
    template = "customers/rows.html" if visit.fragment else "customers/list.html"
    return visit.render(template, page=page, q=q, chosen=status)


@router.get("/new")
async def new(visit: SignedIn, name: str = "") -> Response:
    """An empty form."""
    return visit.render("customers/form.html", customer={"name": name}, id=None, outcome=Outcome())


@router.post("/new")
async def create(visit: SignedIn) -> Response:
    """Register a customer."""
    body = visit.form.fields(*FIELDS)
    outcome = await visit.submit("POST", "/api/crm/customers", body)
    if outcome:
        return visit.go(f"/customers/{outcome.data['id']}", visit.t("customers.created"))
    return visit.render("customers/form.html", outcome.status, customer=body, id=None, outcome=outcome)


@router.get("/tax-id")
async def tax_id(visit: SignedIn, tax_id: str = "", id: str = "") -> Response:
    """Is this tax id right, and is it free? The answer stands below the field."""
    value = "".join(one for one in tax_id if one.isalnum())[:20]
    answer = None
    if len(value) >= 11:
        part = await visit.api.part(f"/api/crm/tax-ids/{quote(value)}")
        answer = part.data if part else None
    return visit.render("customers/tax_id.html", answer=answer, id=id)


@router.get("/{customer}")
async def detail(visit: SignedIn, customer: UUID) -> Response:
    """A customer with contacts, what happened, and orders."""
    return await show(visit, customer, Outcome())


@router.get("/{customer}/edit")
async def edit(visit: SignedIn, customer: UUID) -> Response:
    """The form with the customer's data."""
    data = await visit.api.get(f"/api/crm/customers/{customer}")
    return visit.render("customers/form.html", customer=data, id=customer, outcome=Outcome())


@router.post("/{customer}/edit")
async def change(visit: SignedIn, customer: UUID) -> Response:
    """Change a customer."""
    body = visit.form.fields(*FIELDS)
    if visit.form.text("status") in ("active", "inactive"):
        body["status"] = visit.form.text("status")
    outcome = await visit.submit("PATCH", f"/api/crm/customers/{customer}", body)
    if outcome:
        return visit.go(f"/customers/{customer}", visit.t("form.saved"))
    return visit.render("customers/form.html", outcome.status, customer=body, id=customer, outcome=outcome)


@router.post("/{customer}/contacts")
async def add_contact(visit: SignedIn, customer: UUID) -> Response:
    """Add a person to reach."""
    body = visit.form.fields("name", "role", "email", "phone")
    outcome = await visit.submit("POST", f"/api/crm/customers/{customer}/contacts", body)
    if outcome:
        return visit.go(f"/customers/{customer}", visit.t("customers.contact_added"))
    return await show(visit, customer, outcome, "contact")


@router.post("/{customer}/interactions")
async def add_interaction(visit: SignedIn, customer: UUID) -> Response:
    """Note what happened with the customer."""
    body = visit.form.fields("kind", "summary")
    outcome = await visit.submit("POST", f"/api/crm/customers/{customer}/interactions", body)
    if outcome:
        return visit.go(f"/customers/{customer}", visit.t("customers.noted"))
    return await show(visit, customer, outcome, "interaction")


@router.post("/{customer}/merge")
async def merge(visit: SignedIn, customer: UUID) -> Response:
    """Merge a duplicate, found by its tax id, into this customer."""
    back = f"/customers/{customer}"
    try:
        value = "".join(one for one in visit.form.text("duplicate") if one.isalnum())[:20]
        answer = await visit.api.get(f"/api/crm/tax-ids/{quote(value or '0')}")
    except (ApiProblem, BrickDown) as trouble:
        return visit.go(back, visit.explain(trouble), "bad")
    duplicate = answer.get("customer_id")
    if not duplicate or duplicate == str(customer):
        return visit.go(back, visit.t("customers.no_duplicate"), "bad")
    path = f"/api/crm/customers/{customer}/merge"
    return await visit.act("POST", path, back, visit.t("customers.merged"), {"duplicate_id": duplicate})


async def show(visit: Visit, customer: UUID, outcome: Outcome, failed: str = "") -> Response:
    """The customer's page; parts of other modules may be missing."""
    base = f"/api/crm/customers/{customer}"
    data, contacts, interactions, orders = await asyncio.gather(
        visit.api.get(base),
        visit.api.part(f"{base}/contacts"),
        visit.api.part(f"{base}/interactions", limit=30),
        visit.api.part("/api/sales/orders", customer_id=customer, limit=20),
    )
    return visit.render(
        "customers/detail.html",
        outcome.status,
        customer=data,
        contacts=contacts,
        interactions=interactions,
        orders=orders,
        outcome=outcome,
        failed=failed,
        kinds=[(kind, visit.t(f"interaction.{kind}")) for kind in KINDS],
    )
