"""Orders as sales tells them: reserved and shipped, refused, cancelled, back-ordered."""

from decimal import Decimal

from nexus_kit import new_id


async def test_a_confirmed_order_is_reserved_and_shipped_at_once(store):
    pen, ink = await store.product(5, cost="1.25"), await store.product(5, cost="3")
    order = await store.confirm({pen: 2, ink: "1.5"})
    shipped = (await store.module.events("shipment.shipped"))[0]
    reserved = (await store.module.events("stock.reserved"))[0]
    assert reserved.data == {"order_id": str(order), "shipment_id": shipped.data["shipment_id"]}
    assert reserved.occurred_at <= shipped.occurred_at
    lines = {line["product_id"]: line for line in shipped.data["lines"]}
    assert Decimal(lines[pen]["quantity"]) == 2
    assert Decimal(lines[pen]["unit_cost"]) == Decimal("1.25")
    assert Decimal(lines[ink]["quantity"]) == Decimal("1.5")
    assert await store.level(pen) == (3, 0)
    shipment = await store.get(f"shipments/{shipped.data['shipment_id']}")
    assert (shipment["state"], shipment["order_id"], shipment["order_number"]) == ("shipped", str(order), "7")
    assert (await store.get(f"shipments?order_id={order}"))["items"] == [shipment]
    await store.check()


async def test_a_manual_warehouse_ships_when_a_person_says_so(store):
    await store.warehouse("manual")
    product = await store.product(5)
    order = await store.confirm({product: 2})
    shipment = (await store.module.events("stock.reserved"))[0].data["shipment_id"]
    assert await store.level(product) == (5, 2)
    assert (await store.get(f"shipments/{shipment}"))["state"] == "ready"
    held = (await store.get(f"reservations?order_id={order}"))["items"]
    assert [(line["state"], line["shipment_id"]) for line in held] == [("active", shipment)]
    assert (await store.call("DELETE", f"reservations/{held[0]['id']}"))[0] == 409
    answer = await store.create(f"shipments/{shipment}/ship", None, 200)
    assert answer["state"] == "shipped"
    assert (await store.module.events("shipment.shipped"))[0].data["order_id"] == str(order)
    assert await store.level(product) == (3, 0)
    await store.create(f"shipments/{shipment}/ship", None, 409)
    await store.check()


async def test_an_order_gets_all_its_lines_or_none(store):
    plenty, scarce = await store.product(10), await store.product(1)
    order = await store.confirm({plenty: 1, scarce: 2})
    failed = (await store.module.events("stock.reservation_failed"))[0]
    assert failed.data == {
        "order_id": str(order),
        "lines": [{"product_id": scarce, "requested": "2", "available": "1.0000"}],
    }
    assert await store.level(plenty) == (10, 0)
    assert await store.level(scarce) == (1, 0)
    await store.check()


async def test_another_warehouse_serves_what_the_default_one_lacks(store):
    product = await store.product(1)
    other = await store.warehouse("automatic", default=False)
    await store.receive(product, 3, warehouse=other)
    await store.confirm({product: 2})
    shipment = (await store.module.events("shipment.shipped"))[0].data["shipment_id"]
    assert (await store.get(f"shipments/{shipment}"))["warehouse_id"] == other
    await store.check()


async def test_a_failed_shipment_frees_its_stock_and_may_be_back_ordered(store):
    await store.warehouse("manual")
    product = await store.product(2)
    order = await store.confirm({product: 2})
    shipment = (await store.module.events("stock.reserved"))[0].data["shipment_id"]
    failed = await store.create(f"shipments/{shipment}/fail", {"reason": "lorry broke down"}, 200)
    assert (failed["state"], failed["reason"]) == ("failed", "lorry broke down")
    assert await store.level(product) == (2, 0)
    assert (await store.module.events("shipment.failed"))[0].data["reason"] == "lorry broke down"
    await store.module.events("stock.released")
    await store.tell("backorder_requested", order)
    assert (await store.module.events("stock.reserved"))[0].data["shipment_id"] != shipment
    assert await store.level(product) == (2, 2)
    await store.check()


async def test_returned_goods_are_stock_again_at_the_cost_at_which_they_left(store):
    product = await store.product(2, cost="4")
    await store.confirm({product: 2})
    shipment = (await store.module.events("shipment.shipped"))[0].data["shipment_id"]
    await store.receive(product, 2, cost="8")
    answer = await store.create(f"shipments/{shipment}/return", {"reason": "wrong colour"}, 200)
    assert answer["state"] == "returned"
    returned = (await store.module.events("shipment.returned"))[0]
    assert Decimal(returned.data["lines"][0]["unit_cost"]) == 4
    level = (await store.get(f"stock?product_id={product}"))["items"][0]
    assert (Decimal(level["on_hand"]), Decimal(level["average_cost"])) == (4, 6)
    await store.create(f"shipments/{shipment}/return", None, 409)
    await store.check()


async def test_cancelling_releases_what_is_reserved(store):
    await store.warehouse("manual")
    product = await store.product(2)
    order = await store.confirm({product: 2})
    await store.module.events("stock.reserved")
    await store.tell("cancelled", order)
    assert (await store.module.events("stock.released"))[0].data == {"order_id": str(order)}
    assert await store.level(product) == (2, 0)
    assert [item["state"] for item in (await store.get("shipments"))["items"]] == ["cancelled"]
    await store.check()


async def test_cancelling_after_shipping_returns_the_goods_by_a_movement(store):
    product = await store.product(2)
    order = await store.confirm({product: 2})
    await store.module.events("shipment.shipped")
    await store.tell("cancelled", order)
    returned = (await store.module.events("shipment.returned"))[0]
    assert returned.data["order_id"] == str(order)
    assert await store.level(product) == (2, 0)
    kinds = [line["kind"] for line in (await store.get(f"movements?product_id={product}"))["items"]]
    assert kinds == ["return", "shipment", "receipt"]
    await store.handled(await store.tell("cancelled", order))
    assert await store.level(product) == (2, 0)
    await store.check()


async def test_a_cancellation_that_arrives_first_wins(store):
    product = await store.product(2)
    order = new_id()
    await store.handled(await store.tell("cancelled", order))
    await store.confirm({product: 1}, order)
    other = await store.confirm({product: 1})
    await store.module.wait(lambda: _state_is(store, other, "shipped"))
    assert (await store.states())[order] == "cancelled"
    assert await store.level(product) == (1, 0)
    await store.check()


async def test_an_event_delivered_again_has_no_second_effect(store):
    product = await store.product(5)
    event_id, order = new_id(), new_id()
    for _ in range(3):
        await store.confirm({product: 1}, order, id=event_id)
    await store.confirm({product: 1}, order)
    last = await store.confirm({product: 1})
    await store.module.wait(lambda: _state_is(store, last, "shipped"))
    assert await store.level(product) == (3, 0)
    assert len((await store.get("shipments"))["items"]) == 2
    await store.check()


async def test_an_order_of_another_company_takes_no_stock_of_ours(store, another):
    product = await store.product(5)
    await another(store, company_id=new_id()).confirm({product: 1})
    failed = (await store.module.events("stock.reservation_failed"))[0]
    assert failed.company_id != store.company_id
    assert Decimal(failed.data["lines"][0]["available"]) == 0
    assert await store.level(product) == (5, 0)


async def _state_is(store, order, state):
    return (await store.states()).get(order) == state
