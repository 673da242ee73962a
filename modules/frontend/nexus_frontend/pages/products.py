"""Products with their stock."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.stock_view import by_product, levels_of
from nexus_frontend.visit import Outcome, SignedIn, Visit

router = APIRouter(prefix="/products")


@router.get("")
async def listing(visit: SignedIn, q: str = "", cursor: str = "", active: str = "") -> Response:
    """All products, or those that match, with what is on hand and free."""
    page = await visit.api.get(
        "/api/inventory/products",
        q=q[:100],
        cursor=cursor,
        limit=50,
        active={"yes": "true", "no": "false"}.get(active),
    )
    levels = await levels_of(visit.api, [one["id"] for one in page["items"]])
    template = "products/rows.html" if visit.fragment else "products/list.html"
    return visit.render(template, page=page, q=q, active=active, levels=levels)


@router.get("/new")
async def new(visit: SignedIn) -> Response:
    """An empty form."""
    blank = {"unit": "un", "active": True}
    return visit.render("products/form.html", product=blank, id=None, outcome=Outcome())


@router.post("/new")
async def create(visit: SignedIn) -> Response:
    """Add a product."""
    body, errors = product_body(visit)
    outcome = Outcome(errors=errors, status=422)
    if not errors:
        outcome = await visit.submit("POST", "/api/inventory/products", body)
    if outcome:
        return visit.go(f"/products/{outcome.data['id']}", visit.t("products.created"))
    return visit.render("products/form.html", outcome.status, product=body, id=None, outcome=outcome)


@router.get("/{product}")
async def detail(visit: SignedIn, product: UUID) -> Response:
    """A product: levels by warehouse, and what moved."""
    data, stock, movements = await asyncio.gather(
        visit.api.get(f"/api/inventory/products/{product}"),
        visit.api.part("/api/inventory/stock", product_id=product, limit=50),
        visit.api.part("/api/inventory/movements", product_id=product, limit=20),
    )
    level = by_product(stock.items).get(str(product))
    return visit.render("products/detail.html", product=data, stock=stock, level=level, movements=movements)


@router.get("/{product}/edit")
async def edit(visit: SignedIn, product: UUID) -> Response:
    """The form with the product's data."""
    data = await visit.api.get(f"/api/inventory/products/{product}")
    return visit.render("products/form.html", product=data, id=product, outcome=Outcome())


@router.post("/{product}/edit")
async def change(visit: SignedIn, product: UUID) -> Response:
    """Change a product."""
    body, errors = product_body(visit)
    body["active"] = visit.form.text("active") == "yes"
    outcome = Outcome(errors=errors, status=422)
    if not errors:
        outcome = await visit.submit("PATCH", f"/api/inventory/products/{product}", body)
    if outcome:
        return visit.go(f"/products/{product}", visit.t("form.saved"))
    return visit.render("products/form.html", outcome.status, product=body, id=product, outcome=outcome)


def product_body(visit: Visit) -> tuple[dict[str, Any], dict[str, str]]:
    """The form as the API takes it, and what cannot be read of it."""
    body: dict[str, Any] = visit.form.fields("sku", "name", "unit")
    price = visit.form.decimal("list_price")
    if price is None or price < 0:
        body["list_price"] = visit.form.text("list_price")
        return body, {"list_price": visit.t("form.not_a_number")}
    return {**body, "list_price": str(price)}, {}
