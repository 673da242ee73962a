"""Search everywhere: orders, customers and products at once."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.pages.dashboard import seen
from nexus_frontend.visit import SignedIn

router = APIRouter()


@router.get("/search")
async def search(visit: SignedIn, q: str = "") -> Response:
    """What matches in each module; a short list below the field, or a page of its own."""
    text = q.strip()[:100]
    limit = 5 if visit.fragment else 20
    places = (
        ("orders", "sales.order.read", "/api/sales/orders"),
        ("customers", "crm.customer.read", "/api/crm/customers"),
        ("products", "inventory.product.read", "/api/inventory/products"),
    )
    found = []
    if text:
        parts = await asyncio.gather(
            *(seen(visit, permission, path, q=text, limit=limit) for _, permission, path in places)
        )
        found = [
            (place[0], part.items) for place, part in zip(places, parts, strict=True) if part and part.items
        ]
    return visit.render("search_found.html" if visit.fragment else "search.html", q=text, found=found)
