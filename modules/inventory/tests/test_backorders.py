"""Back-orders: first come, first served, whatever brings the stock."""

import pytest
from nexus_kit import new_id


async def refused(store, product, quantity):
    """An order that found no stock."""
    order = await store.confirm({product: quantity})
    await store.module.events("stock.reservation_failed")
    return order


async def waiting(store, product, quantity):
    """An order whose back-order was accepted and waits."""
    order = await refused(store, product, quantity)
    await store.handled(await store.tell("backorder_requested", order))
    return order


async def served(store, n=1):
    return [event.entity_id for event in await store.module.events("shipment.shipped", n)]


async def test_a_back_order_is_served_at_once_when_stock_is_there_by_now(store):
    product = await store.product()
    order = await refused(store, product, 2)
    await store.receive(product, 2)
    await store.tell("backorder_requested", order)
    assert await served(store) == [order]
    await store.check()


async def test_those_who_wait_are_served_first_come_first_served(store):
    product = await store.product()
    orders = [await waiting(store, product, 2) for _ in range(3)]
    queue = (await store.get("backorders"))["items"]
    assert [item["order_id"] for item in queue] == [str(order) for order in orders]
    await store.receive(product, 5)
    assert await served(store, 2) == orders[:2]
    assert await store.level(product) == (1, 0)
    await store.receive(product, 1)
    assert await served(store) == orders[2:]
    assert (await store.get("backorders"))["items"] == []
    await store.check()


async def test_nobody_overtakes_a_back_order_that_waits_for_more(store):
    product = await store.product(1)
    first, second = await waiting(store, product, 3), await waiting(store, product, 1)
    newcomer = await refused(store, product, 1)
    await store.receive(product, 2)
    assert await served(store) == [first]
    await store.receive(product, 1)
    assert await served(store) == [second]
    assert (await store.states())[newcomer] == "short"
    await store.check()


@pytest.mark.parametrize("source", ["adjustment", "return", "release", "cancellation", "transfer"])
async def test_whatever_brings_stock_serves_the_queue(store, source):
    product = await store.product(2)
    main = (await store.get("warehouses"))["items"][0]["id"]
    if source in ("return", "cancellation"):
        holder = await store.confirm({product: 2})
        assert await served(store) == [holder]
    elif source == "release":
        held = await store.create("reservations", {"product_id": product, "quantity": "2"})
    elif source == "transfer":
        shop = await store.warehouse("automatic", default=False)
        body = {"from_warehouse_id": main, "to_warehouse_id": shop}
        await store.create("transfers", body | {"lines": [{"product_id": product, "quantity": "1"}]})
    else:
        line = {"product_id": product, "quantity": "-2"}
        await store.create("adjustments", {"reason": "count", "lines": [line]})
    order = await waiting(store, product, 2)

    if source == "adjustment":
        await store.create("adjustments", {"reason": "found", "lines": [line | {"quantity": "2"}]})
    elif source == "return":
        shipment = (await store.get(f"shipments?order_id={holder}"))["items"][0]["id"]
        await store.create(f"shipments/{shipment}/return", None, 200)
    elif source == "release":
        assert (await store.call("DELETE", f"reservations/{held['id']}"))[0] == 200
    elif source == "transfer":
        body = {"from_warehouse_id": shop, "to_warehouse_id": main}
        await store.create("transfers", body | {"lines": [{"product_id": product, "quantity": "1"}]})
    else:
        await store.tell("cancelled", holder)
    assert await served(store) == [order]
    assert await store.level(product) == (0, 0)
    await store.check()


async def test_a_cancelled_back_order_waits_no_more(store):
    product = await store.product()
    first, second = await waiting(store, product, 1), await waiting(store, product, 1)
    await store.handled(await store.tell("cancelled", first))
    await store.receive(product, 1)
    assert await served(store) == [second]
    assert (await store.states())[first] == "cancelled"
    await store.check()


async def test_a_request_that_arrives_before_its_confirmation_is_kept(store):
    product = await store.product()
    order = new_id()
    request = await store.tell("backorder_requested", order)
    await store.confirm({product: 1}, order)
    await store.module.events("stock.reservation_failed")
    await store.handled(request)
    await store.receive(product, 1)
    assert await served(store) == [order]
    await store.check()


async def test_a_served_order_asked_for_again_is_served_once(store):
    product = await store.product(5)
    order = await store.confirm({product: 1})
    assert await served(store) == [order]
    await store.handled(await store.tell("backorder_requested", order))
    assert await store.level(product) == (4, 0)
    await store.check()
