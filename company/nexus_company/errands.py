"""What people do beside ordering: leads, an order that cannot be served, the books, a mistyped password."""

from __future__ import annotations

import asyncio
import random

from nexus_company import people
from nexus_company.client import Client
from nexus_company.shop import Shop, order_short_of_stock

BROWSE_EVERY = 5.0  # seconds
MORE_THAN_THERE_IS = 1_000_000
LOOKED_AT = (
    "/api/sales/customers",
    "/api/inventory/stock",
    "/api/financial/invoices",
    "/api/financial/reconciliation",
    "/api/financial/entries",
    "/api/financial/closes",
)


async def browse(client: Client) -> None:
    """Opens the web application now and then, until cancelled."""
    while True:
        await client.get("/")
        await asyncio.sleep(BROWSE_EVERY)


async def run_errands(client: Client, shop: Shop) -> None:
    """One of each, with people nobody met before. Raises ApiError when the ERP refuses what it should not."""
    rng = random.Random()
    await client.mistype()
    await _win_a_lead(client, rng)
    await client.post("/api/crm/leads", {**people.customer(rng), "source": "site"})
    for path in LOOKED_AT:
        await client.get(path)
    order = await order_short_of_stock(
        client, rng.choice(shop.customers), rng.choice(shop.products), MORE_THAN_THERE_IS
    )
    if order is not None:
        await client.post(f"/api/sales/orders/{order}/cancel", {"reason": "out of stock"})


async def _win_a_lead(client: Client, rng: random.Random) -> None:
    lead = await client.post("/api/crm/leads", {**people.customer(rng), "source": "indicação"})
    await client.patch(f"/api/crm/leads/{lead['id']}", {"status": "qualified"})
    await client.post(f"/api/crm/leads/{lead['id']}/convert")
