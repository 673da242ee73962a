"""Invoices and their PIX charges."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.qr import qr_path
from nexus_frontend.visit import Outcome, SignedIn, Visit

router = APIRouter(prefix="/invoices")
STATES = ("posted", "paid", "reversed")


@router.get("")
async def listing(visit: SignedIn, state: str = "", cursor: str = "") -> Response:
    """All invoices, or those in a state, with what is owed in all."""
    wanted = state if state in STATES else None
    page, ageing = await asyncio.gather(
        visit.api.get("/api/financial/invoices", state=wanted, cursor=cursor, limit=50),
        visit.api.part("/api/financial/receivables/ageing"),
    )
    names = await customer_names(visit, [one["order_id"] for one in page["items"]])
    return visit.render(
        "invoices/list.html", page=page, state=state, states=STATES, ageing=ageing, names=names
    )


@router.get("/{invoice}")
async def detail(visit: SignedIn, invoice: UUID) -> Response:
    """An invoice: lines, charge, payment, credit note."""
    return await show(visit, invoice, Outcome())


@router.get("/{invoice}/charge")
async def charge(visit: SignedIn, invoice: UUID) -> Response:
    """The charge's part of the page, asked for again until it is paid."""
    data = await visit.api.get(f"/api/financial/invoices/{invoice}")
    return visit.render("invoices/charge.html", invoice=data, qr=code_of(data), outcome=Outcome())


@router.post("/{invoice}/simulate")
async def simulate(visit: SignedIn, invoice: UUID) -> Response:
    """Pay the charge as a customer's bank would (simulated PIX only)."""
    data = await visit.api.get(f"/api/financial/invoices/{invoice}")
    back = f"/invoices/{invoice}"
    if not data["charge"]:
        return visit.go(back, visit.t("invoices.no_charge"), "bad")
    path = f"/api/financial/pix/simulator/charges/{data['charge']['txid']}/pay"
    return await visit.act("POST", path, back, visit.t("invoices.simulated"), {})


@router.post("/{invoice}/payments")
async def pay(visit: SignedIn, invoice: UUID) -> Response:
    """Enter money received outside PIX."""
    amount = visit.form.decimal("amount")
    outcome = Outcome(errors={"amount": visit.t("form.not_a_number")}, status=422)
    if amount is not None:
        body = {"invoice_id": str(invoice), "amount": str(amount), **visit.form.fields("method", "reference")}
        outcome = await visit.submit("POST", "/api/financial/payments", body)
    if outcome:
        return visit.go(f"/invoices/{invoice}", visit.t("payments.entered"))
    return await show(visit, invoice, outcome)


async def show(visit: Visit, invoice: UUID, outcome: Outcome) -> Response:
    """The invoice's page."""
    data, entries = await asyncio.gather(
        visit.api.get(f"/api/financial/invoices/{invoice}"),
        visit.api.part("/api/financial/entries", source_id=invoice, limit=10),
    )
    order = await order_of(visit, data["order_id"])
    return visit.render(
        "invoices/detail.html",
        outcome.status,
        invoice=data,
        customer=order.get("customer_name", ""),
        products={line["product_id"]: line for line in order.get("lines", ())},
        qr=code_of(data),
        entries=entries.items,
        outcome=outcome,
    )


def code_of(invoice: dict[str, object]) -> tuple[int, str] | None:
    """The QR code of an active charge: its size in modules and its SVG path."""
    charge = invoice["charge"]
    if not isinstance(charge, dict) or charge["state"] != "active" or not charge["copy_paste"]:
        return None
    return qr_path(charge["copy_paste"])


async def order_of(visit: Visit, order: str) -> dict[str, Any]:
    """The invoice's order, for the names on it; empty when sales is away."""
    if not visit.can("sales.order.read") or not visit.app.bricks.usable("sales"):
        return {}
    part = await visit.api.part(f"/api/sales/orders/{order}")
    return part.data if part else {}


async def customer_names(visit: Visit, orders: list[str]) -> dict[str, str]:
    """Customers' names by order, as sales knows them; empty when sales is away."""
    if not orders or not visit.can("sales.order.read") or not visit.app.bricks.usable("sales"):
        return {}
    part = await visit.api.part("/api/sales/orders", id=orders)
    return {one["id"]: one["customer_name"] for one in part.items}
