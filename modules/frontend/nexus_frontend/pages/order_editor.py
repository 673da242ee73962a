"""The editor of a quotation: customer, lines, and the total as it is typed."""

from __future__ import annotations

import asyncio
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.visit import Outcome, SignedIn, Visit

router = APIRouter(prefix="/orders")
COLUMNS = ("product_id", "product", "quantity", "unit_price", "discount")
NUMBERS = {"quantity": "quantity", "unit_price": "unit_price", "discount": "discount_percent"}
CENT = Decimal("0.01")
SPARE = 3  # empty rows of a new order; enough to begin with, also without scripts


@router.get("/new")
async def new(visit: SignedIn, customer: str = "") -> Response:
    """An empty order, for a customer if one is named."""
    chosen = {}
    if customer:
        part = await visit.api.part(f"/api/crm/customers/{_uuid(customer)}")
        chosen = {"id": part.data["id"], "name": part.data["name"]} if part else {}
    return await editor(visit, chosen, [], None)


@router.post("/new")
async def create(visit: SignedIn) -> Response:
    """Quote the order, or keep it as a draft; or add rows to the form (without scripts)."""
    return await save(visit, None)


@router.get("/products")
async def products(visit: SignedIn, q: str = "") -> Response:
    """Options for the product field."""
    part = await visit.api.part("/api/sales/products", q=q[:100], limit=12)
    return visit.render("orders/options.html", part=part, kind="product", q=q)


@router.get("/customers")
async def customers(visit: SignedIn, q: str = "") -> Response:
    """Options for the customer field."""
    part = await visit.api.part("/api/sales/customers", q=q[:100], limit=12)
    return visit.render("orders/options.html", part=part, kind="customer", q=q)


@router.post("/totals")
async def totals(visit: SignedIn) -> Response:
    """What the lines come to as typed."""
    rows = [priced(visit, row) for row in all_rows(visit)]
    return visit.render(
        "orders/totals.html", rows=rows, total=sum((row["total"] for row in rows), Decimal(0))
    )


@router.get("/{order}/edit")
async def edit(visit: SignedIn, order: UUID) -> Response:
    """The editor with a draft in it."""
    data = await visit.api.get(f"/api/sales/orders/{order}")
    rows = [
        {
            "product_id": line["product_id"],
            "product": f"{line['sku']} · {line['description']}",
            "quantity": visit.fmt.typed(line["quantity"]),
            "unit_price": visit.fmt.typed(line["unit_price"], 2),
            "discount": visit.fmt.typed(line["discount_percent"]),
        }
        for line in data["lines"]
    ]
    return await editor(visit, {"id": data["customer_id"], "name": data["customer_name"]}, rows, data)


@router.post("/{order}/edit")
async def change(visit: SignedIn, order: UUID) -> Response:
    """Keep the draft's changes, and quote it if so wished."""
    return await save(visit, order)


async def save(visit: Visit, order: UUID | None) -> Response:
    """Create or change an order from the form."""
    form = visit.form
    wish = form.text("wish") or "quote"
    rows = form.rows(*COLUMNS)
    customer = {"id": form.text("customer_id"), "name": form.text("customer")}
    draft = {"id": str(order), "notes": form.text("notes")} if order else None
    if wish == "rows":
        return await editor(visit, customer, rows, draft)
    errors = await resolve(visit, customer, rows)
    lines = [line(visit, row, n, errors) for n, row in enumerate(rows)]
    if not lines:
        errors["lines"] = visit.t("orders.need_line")
    if errors:
        return await editor(visit, customer, rows, draft, Outcome(errors=errors, status=422))
    body: dict[str, Any] = {
        "customer_id": customer["id"],
        "lines": lines,
        "notes": form.text("notes") or None,
    }
    if order is None:
        outcome = await visit.submit("POST", "/api/sales/orders", {**body, "quote": wish == "quote"})
    else:
        outcome = await visit.submit("PATCH", f"/api/sales/orders/{order}", body)
    if not outcome:
        return await editor(visit, customer, rows, draft, outcome)
    saved = outcome.data["id"]
    if order is not None and wish == "quote":
        path = f"/api/sales/orders/{order}/quote"
        visit.form.renew_key()
        return await visit.act("POST", path, f"/orders/{saved}", visit.t("orders.did_quote"))
    return visit.go(f"/orders/{saved}", visit.t("orders.quoted" if wish == "quote" else "orders.drafted"))


async def editor(
    visit: Visit,
    customer: dict[str, str],
    rows: list[dict[str, str]],
    order: dict[str, Any] | None,
    outcome: Outcome | None = None,
) -> Response:
    """The editor's page."""
    blank = dict.fromkeys(COLUMNS, "")
    shown = [*rows, *(blank for _ in range(max(1, SPARE - len(rows))))]
    outcome = outcome or Outcome()
    return visit.render(
        "orders/editor.html",
        outcome.status,
        customer=customer,
        rows=shown,
        blank=blank,
        order=order,
        outcome=outcome,
        total=sum_of([priced(visit, row) for row in rows]),
    )


async def resolve(visit: Visit, customer: dict[str, str], rows: list[dict[str, str]]) -> dict[str, str]:
    """Find by their text the customer and products that were typed, not picked; say what is unclear."""
    errors: dict[str, str] = {}
    if not customer["id"]:
        found = await search(visit, "customers", customer["name"])
        if len(found) == 1:
            customer.update(id=found[0]["id"], name=found[0]["name"])
        else:
            errors["customer"] = visit.t("orders.pick_customer")
    typed = [(n, row) for n, row in enumerate(rows) if not row["product_id"]]
    answers = await asyncio.gather(*(search(visit, "products", row["product"]) for _, row in typed))
    for (n, row), found in zip(typed, answers, strict=True):
        exact = [one for one in found if one["sku"].lower() == row["product"].lower()] or found
        if len(exact) == 1:
            row.update(product_id=exact[0]["id"], product=f"{exact[0]['sku']} · {exact[0]['name']}")
        else:
            errors[f"lines.{n}.product"] = visit.t("orders.pick_product")
    return errors


async def search(visit: Visit, what: str, text: str) -> list[dict[str, Any]]:
    """The customers or products sales knows that match; none for an empty text."""
    return (await visit.api.part(f"/api/sales/{what}", q=text[:100], limit=5)).items if text else []


def line(visit: Visit, row: dict[str, str], n: int, errors: dict[str, str]) -> dict[str, Any]:
    """A row as the API takes it; what cannot be read is noted in errors."""
    result: dict[str, Any] = {"product_id": row["product_id"]}
    for field, name in (
        ("quantity", "quantity"),
        ("unit_price", "unit_price"),
        ("discount", "discount_percent"),
    ):
        if not row[field] and field != "quantity":
            continue
        value = visit.read_number(row[field] or "1")
        if value is None or value < 0:
            errors[f"lines.{n}.{field}"] = visit.t("form.not_a_number")
        else:
            result[name] = str(value)
    return result


def all_rows(visit: Visit) -> list[dict[str, str]]:
    """All rows of the form, the empty ones too."""
    columns = [visit.form.all(name) for name in COLUMNS]
    return [dict(zip(COLUMNS, values, strict=True)) for values in zip(*columns, strict=False)]


def priced(visit: Visit, row: dict[str, str]) -> dict[str, Any]:
    """A row with its total; sales computes the real one."""
    quantity = visit.read_number(row["quantity"] or ("1" if row["product"] else "0")) or Decimal(0)
    price = visit.read_number(row["unit_price"]) or Decimal(0)
    discount = min(visit.read_number(row["discount"]) or Decimal(0), Decimal(100))
    total = (quantity * price * (100 - discount) / 100).quantize(CENT, ROUND_HALF_UP)
    return {**row, "total": max(total, Decimal(0))}


def sum_of(rows: list[dict[str, Any]]) -> Decimal:
    """The rows' totals added up."""
    return sum((row["total"] for row in rows), Decimal(0))


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return str(UUID(int=0))
