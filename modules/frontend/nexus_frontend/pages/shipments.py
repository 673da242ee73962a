"""Shipments: what waits to leave, what left, what came back."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.visit import SignedIn, Visit

router = APIRouter(prefix="/shipments")
STATES = ("ready", "shipped", "failed", "returned", "cancelled")


@router.get("")
async def listing(visit: SignedIn, state: str = "", order: str = "", cursor: str = "") -> Response:
    """All shipments, or those in a state or of an order."""
    wanted = state if state in STATES else None
    page, warehouses = await asyncio.gather(
        visit.api.get("/api/inventory/shipments", state=wanted, order_id=order, cursor=cursor, limit=50),
        visit.api.part("/api/inventory/warehouses"),
    )
    names = await product_names(visit, page["items"])
    return visit.render(
        "shipments/list.html",
        page=page,
        state=state,
        order=order,
        states=STATES,
        names=names,
        warehouses={one["id"]: one for one in warehouses.items},
    )


@router.post("/{shipment}/ship")
async def ship(visit: SignedIn, shipment: UUID) -> Response:
    """The goods leave."""
    return await move(visit, shipment, "ship")


@router.post("/{shipment}/fail")
async def fail(visit: SignedIn, shipment: UUID) -> Response:
    """The goods will not leave."""
    return await move(visit, shipment, "fail", {"reason": visit.form.text("reason")})


@router.post("/{shipment}/return")
async def take_back(visit: SignedIn, shipment: UUID) -> Response:
    """The goods came back."""
    return await move(visit, shipment, "return", {"reason": visit.form.text("reason") or None})


async def move(visit: Visit, shipment: UUID, verb: str, body: object = None) -> Response:
    """Tell inventory, and show the list again."""
    path = f"/api/inventory/shipments/{shipment}/{verb}"
    back = "/shipments?state=ready" if verb == "ship" else "/shipments"
    return await visit.act("POST", path, back, visit.t(f"shipments.did_{verb}"), body)


async def product_names(visit: Visit, shipments: list[dict[str, Any]]) -> dict[str, str]:
    """Names of the products in these shipments, from their stock levels."""
    products = sorted({line["product_id"] for one in shipments for line in one["lines"]})[:150]
    if not products:
        return {}
    part = await visit.api.part("/api/inventory/stock", product_id=products, limit=200)
    return {row["product_id"]: row["name"] for row in part.items}
