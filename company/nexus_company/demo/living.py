"""What the running modules do themselves: invitations, back-orders, a month closed, a mistyped password."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from nexus_company.client import ApiError, Client
from nexus_company.shop import order_short_of_stock
from nexus_company.timeline import Timeline

PATIENCE = 15.0  # seconds for what the modules do in the background
INVITED = (
    ("marina.azevedo@exemplo.com.br", "Marina Azevedo"),
    ("rafael.pinheiro@exemplo.com.br", "Rafael Pinheiro"),
)
BACKORDERS = 3
MISTYPED = 2

Act = Callable[[Client, Timeline, datetime], Awaitable[None]]


async def live(timeline: Timeline, until: datetime) -> None:
    """Does each act; one whose module is off, or that was done before, is told and left out."""
    password = Path(os.environ["NEXUS_ADMIN_PASSWORD_FILE"]).read_text().strip()
    async with Client(os.environ["NEXUS_URL"], os.environ["NEXUS_ADMIN_EMAIL"], password) as client:
        for what, act in ACTS.items():
            try:
                await act(client, timeline, until)
            except ApiError as refused:
                print(f"{what}: left out ({refused})")


async def invite(client: Client, timeline: Timeline, until: datetime) -> None:
    """Two people have not answered their invitations yet."""
    pending = (await client.get("/api/users/invitations?limit=200"))["items"]
    known = {invitation["email"] for invitation in pending}
    for email, name in INVITED:
        if email not in known:
            await client.post("/api/users/invitations", {"email": email, "name": name})


async def order_ahead(client: Client, timeline: Timeline, until: datetime) -> None:
    """Customers who want what was announced accept to wait for it."""
    if (await client.get("/api/inventory/backorders?limit=1"))["items"]:
        return
    for customer in timeline.customers[-BACKORDERS:]:
        order = await order_short_of_stock(client, str(customer.id), str(timeline.announced[0].id), 1)
        if order is not None:
            await client.post(f"/api/sales/orders/{order}/backorder")


async def close_months(client: Client, timeline: Timeline, until: datetime) -> None:
    """All months before the last one are closed: its own close is still to come."""
    last = (until.date().replace(day=1) - timedelta(days=1)).replace(day=1)
    periods = await client.get("/api/financial/periods")
    for period in sorted(periods, key=lambda each: each["month"]):
        if period["state"] == "open" and date.fromisoformat(period["month"]) < last:
            close = await client.post(f"/api/financial/periods/{period['id']}/close")
            give_up = time.monotonic() + PATIENCE
            while close["state"] == "running" and time.monotonic() < give_up:
                await asyncio.sleep(0.05)
                close = await client.get(f"/api/financial/closes/{close['id']}")


async def mistype(client: Client, timeline: Timeline, until: datetime) -> None:
    """Somebody types a wrong password before the right one."""
    for _ in range(MISTYPED):
        await client.mistype()


ACTS: dict[str, Act] = {
    "users": invite,
    "back-orders": order_ahead,
    "month-end close": close_months,
    "sign-in": mistype,
}
