"""Is the business of sales well, and what does the dashboard show?"""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest


async def business(shop) -> dict:
    async with shop.module.http.get("/health/business") as answer:
        return (await answer.json())["numbers"]


@pytest.mark.parametrize(
    ("step", "sql"),
    [
        ("waiting_reservation", "confirmed_at = now() - interval '2 minutes'"),
        (
            "waiting_invoice",
            "state = 'processing', reserved_at = now(), shipment_state = 'shipped',"
            " shipped_at = now() - interval '2 minutes'",
        ),
        (
            "waiting_reconciliation",
            "state = 'processing', invoice_state = 'paid', invoiced_at = now(),"
            " paid_at = now() - interval '1 hour'",
        ),
        (
            "waiting_compensation",
            "state = 'cancelled', cancelled_at = now() - interval '2 minutes', shipment_state = 'shipped',"
            " shipped_at = now()",
        ),
    ],
)
async def test_an_order_that_stopped_is_counted_at_its_step(shop, step, sql):
    order = await shop.confirmed()
    before = await business(shop)
    admin, key = shop.module.admin, UUID(order["id"])
    await admin.execute(f"UPDATE orders SET {sql} WHERE id = $1", key)
    after = await business(shop)
    assert after[step] == before[step] + 1
    assert after["orders_stuck"] == before["orders_stuck"] + 1
    assert (await shop.call("GET", "/summary"))["stuck"] == 1
    await admin.execute("DELETE FROM order_timeline WHERE order_id = $1", key)
    await admin.execute("DELETE FROM order_lines WHERE order_id = $1", key)
    await admin.execute("DELETE FROM orders WHERE id = $1", key)


async def test_the_summary_counts_orders_and_leaves_cancelled_ones_out(shop):
    await shop.confirmed()
    await shop.quote()
    gone = await shop.confirmed()
    await shop.call("POST", f"/orders/{gone['id']}/cancel", json={"reason": "teste"})
    seen = await shop.call("GET", "/summary")
    assert seen["by_state"] == {"confirmed": 1, "quotation": 1, "cancelled": 1}
    today = str(datetime.now(ZoneInfo("America/Sao_Paulo")).date())
    assert seen["today"] == {"day": today, "orders": 1, "total": "20.00"}
    assert len(seen["days"]) == 30
    assert seen["days"][-1] == seen["today"]
    assert sum(day["orders"] for day in seen["days"]) == 1
