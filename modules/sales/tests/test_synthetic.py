"""Orders of the synthetic company: known by their company alone, counted nowhere, gone after a day."""

from uuid import UUID

import pytest
from nexus_kit import SYNTHETIC_COMPANY

from .conftest import Shop


@pytest.fixture
async def probe(sales) -> Shop:
    headers = sales.headers(
        permissions=["sales.order.read", "sales.order.write"],
        company_id=SYNTHETIC_COMPANY,
        email="probe@synthetic.invalid",
    )
    shop = Shop(sales, SYNTHETIC_COMPANY, headers, UUID(int=0), [])
    shop.customer_id = UUID((await shop.call("GET", "/customers"))["items"][0]["id"])
    shop.products = [UUID((await shop.call("GET", "/products"))["items"][0]["id"])]
    return shop


async def business(shop: Shop) -> dict:
    async with shop.module.http.get("/health/business") as answer:
        return (await answer.json())["numbers"]


async def test_an_order_is_synthetic_by_its_company_and_never_by_what_a_request_says(shop, probe):
    status, refused = await shop.ask("POST", "/orders", json=shop.body(quote=True, synthetic=True))
    assert (status, refused["type"].rpartition(":")[2]) == (422, "validation")
    assert not (await shop.quote())["synthetic"]
    order = await probe.confirmed()
    assert order["synthetic"]
    assert [one["synthetic"] for one in await probe.announced("order.confirmed", order["id"])] == [True]
    await probe.call("POST", f"/orders/{order['id']}/cancel", json={"reason": "probe"})


async def test_nobody_else_sees_a_synthetic_order_customer_or_product(shop, probe):
    order = await probe.quote()
    assert (await shop.ask("GET", f"/orders/{order['id']}"))[0] == 404
    for path in ("/orders", "/customers?q=synthetic", "/products?q=synthetic"):
        assert (await shop.call("GET", path))["items"] == []


async def test_a_synthetic_order_that_stopped_alarms_nobody(probe):
    order = await probe.confirmed()
    before = await business(probe)
    await probe.module.admin.execute(
        "UPDATE orders SET confirmed_at = now() - interval '1 hour' WHERE id = $1", UUID(order["id"])
    )
    assert await business(probe) == before


async def test_old_synthetic_orders_are_removed_whole_and_no_order_of_a_person_ever(shop, probe):
    old, new, persons = await probe.confirmed(), await probe.quote(), await shop.confirmed()
    admin = probe.module.admin
    for order in (old, persons):
        await admin.execute(
            "UPDATE orders SET created_at = now() - interval '2 days' WHERE id = $1", UUID(order["id"])
        )
    await admin.execute("SET ROLE sales")
    try:
        with pytest.raises(Exception, match="permission denied"):
            await admin.execute("DELETE FROM order_timeline")
        await admin.execute("SELECT set_config('nexus.scope', 'system', false)")
        await admin.execute("SELECT forget_synthetic_orders('1 day')")
    finally:
        await admin.execute("RESET ROLE")
    for table, key in (("orders", "id"), ("order_lines", "order_id"), ("order_timeline", "order_id")):
        kept = await admin.fetch(f"SELECT DISTINCT {key}::text AS id FROM {table}")
        ids = {row["id"] for row in kept}
        assert old["id"] not in ids
        assert {new["id"], persons["id"]} <= ids
