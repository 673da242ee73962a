"""Orders: list, quote, confirm, and follow through its saga."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.saga import MOVING, steps
from nexus_frontend.visit import Outcome, SignedIn, Visit

router = APIRouter(prefix="/orders")
STATES = ("draft", "quotation", "confirmed", "processing", "done", "cancelled")


@router.get("")
async def listing(visit: SignedIn, q: str = "", state: str = "", cursor: str = "") -> Response:
    """All orders, or those in a state."""
    wanted = {"state": state} if state in STATES else {}
    if state == "exception":
        wanted = {"exception": "true"}
    page = await visit.api.get("/api/sales/orders", q=q[:100], cursor=cursor, limit=50, **wanted)
    template = "orders/rows.html" if visit.fragment else "orders/list.html"
    return visit.render(template, page=page, q=q, state=state, states=STATES)


@router.get("/{order}")
async def detail(visit: SignedIn, order: UUID) -> Response:
    """An order: lines, the thread of its saga, and what can be done now."""
    data, shipments, invoices = await asyncio.gather(
        visit.api.get(f"/api/sales/orders/{order}"),
        documents(visit, "inventory.stock.read", "/api/inventory/shipments", order),
        documents(visit, "financial.invoice.read", "/api/financial/invoices", order),
    )
    return visit.render("orders/detail.html", shipments=shipments, invoices=invoices, **progress(data))


@router.get("/{order}/live")
async def live(visit: SignedIn, order: UUID) -> Response:
    """The moving part of the page; asks for itself again while the order moves."""
    data = await visit.api.get(f"/api/sales/orders/{order}")
    shipments, invoices = await asyncio.gather(
        documents(visit, "inventory.stock.read", "/api/inventory/shipments", order),
        documents(visit, "financial.invoice.read", "/api/financial/invoices", order),
    )
    return visit.render("orders/live.html", shipments=shipments, invoices=invoices, **progress(data))


@router.post("/{order}/quote")
async def quote(visit: SignedIn, order: UUID) -> Response:
    """Make a quotation of a draft."""
    return await command(visit, order, "quote")


@router.post("/{order}/confirm")
async def confirm(visit: SignedIn, order: UUID) -> Response:
    """Confirm a quotation; the saga begins."""
    return await command(visit, order, "confirm")


@router.post("/{order}/backorder")
async def backorder(visit: SignedIn, order: UUID) -> Response:
    """Accept to wait for goods."""
    return await command(visit, order, "backorder")


@router.post("/{order}/cancel")
async def cancel(visit: SignedIn, order: UUID) -> Response:
    """Cancel, for a reason."""
    reason = visit.form.text("reason") or visit.t("orders.no_reason")
    return await command(visit, order, "cancel", {"reason": reason})


async def command(visit: Visit, order: UUID, name: str, body: object = None) -> Response:
    """Give the order a command and show it again."""
    path = f"/api/sales/orders/{order}/{name}"
    return await visit.act("POST", path, f"/orders/{order}", visit.t(f"orders.did_{name}"), body)


async def documents(visit: Visit, permission: str, path: str, order: UUID) -> list[Any]:
    """What other modules made of the order; nothing when they are away or it is not the person's to see."""
    if not visit.can(permission) or not visit.app.bricks.usable(path.split("/")[2]):
        return []
    return (await visit.api.part(path, order_id=order, limit=10)).items


def progress(order: dict[str, Any]) -> dict[str, Any]:
    """What the templates need to draw an order's thread."""
    return {"order": order, "steps": steps(order), "moving": order["state"] in MOVING, "outcome": Outcome()}
