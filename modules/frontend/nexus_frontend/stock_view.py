"""Stock as people look at it: one figure for each product, whatever the number of warehouses."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nexus_frontend.api import Api
from nexus_frontend.formats import to_decimal
from nexus_frontend.problems import ApiProblem, BrickDown

PAGES = 5  # of 200 levels each: what a dashboard may look at


@dataclass(slots=True)
class Level:
    """A product's stock over all warehouses, in its unit."""

    on_hand: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    available: Decimal = Decimal(0)
    places: list[dict[str, Any]] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        """Count one warehouse's level in."""
        self.on_hand += to_decimal(row["on_hand"])
        self.reserved += to_decimal(row["reserved"])
        self.available += to_decimal(row["available"])
        self.places.append(row)


async def levels_of(api: Api, products: list[str]) -> dict[str, Level] | None:
    """Levels of up to 200 products, by id; None when stock cannot be seen."""
    if not products:
        return {}
    part = await api.part("/api/inventory/stock", product_id=products, limit=200)
    return by_product(part.items) if part else None


async def sold_out(api: Api) -> list[dict[str, Any]] | None:
    """Products whose stock is all gone or promised, of those that ever had stock; None when unknown."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(PAGES):
        try:
            page = await api.get("/api/inventory/stock", limit=200, cursor=cursor)
        except (ApiProblem, BrickDown):
            return None
        rows += page["items"]
        cursor = page.get("next") or ""
        if not cursor:
            break
    found = by_product(rows)
    return [
        {"id": product, "sku": level.places[0]["sku"], "name": level.places[0]["name"], "level": level}
        for product, level in found.items()
        if level.available <= 0
    ]


def by_product(rows: list[dict[str, Any]]) -> dict[str, Level]:
    """Add the levels of each product up."""
    levels: dict[str, Level] = {}
    for row in rows:
        levels.setdefault(row["product_id"], Level()).add(row)
    return levels
