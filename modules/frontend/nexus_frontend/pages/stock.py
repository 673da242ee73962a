"""What changes stock by hand: goods that come in, and corrections."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.visit import Outcome, SignedIn, Visit

router = APIRouter(prefix="/stock")
COLUMNS = ("product_id", "product", "quantity", "unit_cost")
SPARE = 3


@router.get("/receive")
async def receive_form(visit: SignedIn, product: str = "") -> Response:
    """An empty receipt, with a product in it if one is named."""
    return await page(visit, "receive", await first_row(visit, product))


@router.post("/receive")
async def receive(visit: SignedIn) -> Response:
    """Goods come in."""
    return await save(visit, "receive", "/api/inventory/receipts", "reference")


@router.get("/adjust")
async def adjust_form(visit: SignedIn, product: str = "") -> Response:
    """An empty correction."""
    return await page(visit, "adjust", await first_row(visit, product))


@router.post("/adjust")
async def adjust(visit: SignedIn) -> Response:
    """Correct stock, for a reason."""
    return await save(visit, "adjust", "/api/inventory/adjustments", "reason")


@router.get("/products")
async def products(visit: SignedIn, q: str = "") -> Response:
    """Options for the product field, from inventory."""
    part = await visit.api.part("/api/inventory/products", q=q[:100], limit=12)
    return visit.render("orders/options.html", part=part, kind="product", q=q)


async def save(visit: Visit, kind: str, path: str, remark: str) -> Response:
    """Write the document, or show the form again with what is wrong."""
    rows = visit.form.rows(*COLUMNS)
    if visit.form.text("wish") == "rows":
        return await page(visit, kind, rows)
    errors: dict[str, str] = {}
    await resolve(visit, rows, errors)
    lines = [read_line(visit, row, n, kind, errors) for n, row in enumerate(rows)]
    if not lines:
        errors["lines"] = visit.t("orders.need_line")
    outcome = Outcome(errors=errors, status=422)
    if not errors:
        body = {
            "warehouse_id": visit.form.text("warehouse_id") or None,
            remark: visit.form.text("remark") or None,
            "lines": lines,
        }
        outcome = await visit.submit("POST", path, body)
    if not outcome:
        return await page(visit, kind, rows, outcome)
    where = f"/products/{rows[0]['product_id']}" if len(rows) == 1 else "/products"
    return visit.go(where, visit.t(f"stock.{kind}_done"))


async def page(
    visit: Visit, kind: str, rows: list[dict[str, str]], outcome: Outcome | None = None
) -> Response:
    """The form of either document."""
    warehouses = await visit.api.get("/api/inventory/warehouses")
    blank = dict.fromkeys(COLUMNS, "")
    outcome = outcome or Outcome()
    return visit.render(
        "stock/form.html",
        outcome.status,
        kind=kind,
        rows=[*rows, *(blank for _ in range(max(1, SPARE - len(rows))))],
        blank=blank,
        outcome=outcome,
        warehouses=[(one["id"], one["name"]) for one in warehouses["items"]],
    )


async def first_row(visit: Visit, product: str) -> list[dict[str, str]]:
    """A row for the product whose page led here."""
    part = (
        await visit.api.part(f"/api/inventory/products/{product}")
        if product.replace("-", "").isalnum()
        else None
    )
    if not part:
        return []
    text = f"{part.data['sku']} · {part.data['name']}"
    return [{"product_id": part.data["id"], "product": text, "quantity": "", "unit_cost": ""}]


async def resolve(visit: Visit, rows: list[dict[str, str]], errors: dict[str, str]) -> None:
    """Find products that were typed and not picked."""
    typed = [(n, row) for n, row in enumerate(rows) if not row["product_id"]]
    answers = await asyncio.gather(
        *(visit.api.part("/api/inventory/products", q=row["product"][:100], limit=5) for _, row in typed)
    )
    for (n, row), part in zip(typed, answers, strict=True):
        found = [one for one in part.items if one["sku"].lower() == row["product"].lower()] or part.items
        if row["product"] and len(found) == 1:
            row.update(product_id=found[0]["id"], product=f"{found[0]['sku']} · {found[0]['name']}")
        else:
            errors[f"lines.{n}.product"] = visit.t("orders.pick_product")


def read_line(visit: Visit, row: dict[str, str], n: int, kind: str, errors: dict[str, str]) -> dict[str, Any]:
    """A row as the API takes it; what cannot be read is noted in errors."""
    line: dict[str, Any] = {"product_id": row["product_id"]}
    quantity = visit.read_number(row["quantity"])
    if quantity is None or quantity == 0 or (kind == "receive" and quantity < 0):
        errors[f"lines.{n}.quantity"] = visit.t("form.not_a_number")
    line["quantity"] = str(quantity)
    cost = visit.read_number(row["unit_cost"]) if row["unit_cost"] else None
    if (row["unit_cost"] or kind == "receive") and (cost is None or cost < 0):
        errors[f"lines.{n}.unit_cost"] = visit.t("form.not_a_number")
    elif cost is not None:
        line["unit_cost"] = str(cost)
    return line
