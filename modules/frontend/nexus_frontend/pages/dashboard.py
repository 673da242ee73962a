"""The dashboard: how the day goes, and what needs a person."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.api import Part
from nexus_frontend.chart import draw
from nexus_frontend.formats import to_decimal
from nexus_frontend.stock_view import sold_out
from nexus_frontend.visit import SignedIn, Visit

router = APIRouter()
STEPS = ("draft", "quotation", "confirmed", "processing", "done", "cancelled")


@router.get("/")
async def dashboard(visit: SignedIn) -> Response:
    """The whole page."""
    return visit.render("dashboard/page.html", **await figures(visit))


@router.get("/dashboard/live")
async def live(visit: SignedIn) -> Response:
    """Its figures, asked for again now and then."""
    return visit.render("dashboard/live.html", **await figures(visit))


async def figures(visit: Visit) -> dict[str, Any]:
    """Each part from its module; those that are away are missing, the rest stands."""
    sales, recent, ageing, waiting, gone = await asyncio.gather(
        seen(visit, "sales.order.read", "/api/sales/summary"),
        seen(visit, "sales.order.read", "/api/sales/orders", limit=8),
        seen(visit, "financial.invoice.read", "/api/financial/receivables/ageing"),
        seen(visit, "inventory.stock.read", "/api/inventory/shipments", state="ready", limit=50),
        gone_products(visit),
    )
    summary = sales.data if sales and sales.data else None
    buckets = ageing.data["buckets"] if ageing else []
    late = [to_decimal(one["amount"]) for one in buckets if one["bucket"] != "current"]
    return {
        "overdue": sum(late, Decimal(0)),
        "sales": sales,
        "summary": summary,
        "recent": recent,
        "ageing": ageing,
        "waiting": waiting,
        "gone": gone,
        "steps": STEPS,
        "chart": draw(summary["days"]) if summary else None,
    }


async def seen(visit: Visit, permission: str, path: str, **params: object) -> Part | None:
    """A part of the page; None when it is not for this person, or its module is not in this stack."""
    if not visit.can(permission) or not visit.app.bricks.on(path.split("/")[2]):
        return None
    return await visit.api.part(path, **params)


async def gone_products(visit: Visit) -> list[dict[str, Any]] | None:
    """Products that are sold out; None when that cannot be told."""
    if not visit.can("inventory.stock.read") or not visit.app.bricks.on("inventory"):
        return None
    return await sold_out(visit.api)
