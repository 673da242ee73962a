"""Many at once: the last unit, hot products, batches, several instances, an instance that dies half-way."""

import asyncio
import random
from collections import Counter

import asyncpg
from nexus_kit import new_id

WAITS_FOR_STOCK = """
SELECT count(*) > 0 FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FROM stock%'
"""


async def test_of_two_who_reserve_the_last_unit_at_once_exactly_one_wins(store, start_module, another):
    second = another(store, module=await start_module("inventory", like=store.module, instance="inventory-2"))
    for _ in range(10):
        product = await store.product(1)
        body = {"product_id": product, "quantity": "1"}
        answers = await asyncio.gather(
            *(front.call("POST", "reservations", body) for front in (store, second) for _ in range(2))
        )
        assert Counter(status for status, _ in answers) == {201: 1, 409: 3}
        assert await store.level(product) == (1, 1)
    await store.check()


async def test_of_two_orders_for_the_last_unit_exactly_one_ships_with_two_instances(store, start_module):
    await start_module("inventory", like=store.module, instance="inventory-2")
    products = [await store.product(1) for _ in range(10)]
    pairs = [(await store.confirm({product: 1}), await store.confirm({product: 1})) for product in products]
    states = await store.settled(20)
    for pair in pairs:
        assert sorted(states[order] for order in pair) == ["shipped", "short"]
    for product in products:
        assert await store.level(product) == (0, 0)
    await store.check()


async def test_a_reservation_by_hand_and_an_order_do_not_get_the_same_unit(store):
    product = await store.product(3)
    body = {"product_id": product, "quantity": "1"}

    async def orders():
        for _ in range(3):
            await store.confirm({product: 1})

    *answers, _ = await asyncio.gather(
        *(store.call("POST", "reservations", body) for _ in range(3)), orders()
    )
    states = Counter((await store.settled(3)).values())
    by_hand = Counter(status for status, _ in answers)[201]
    assert states["shipped"] + by_hand == 3
    assert await store.level(product) == (by_hand, by_hand)
    await store.check()


async def test_orders_of_hot_products_ship_until_the_stock_ends_on_two_instances(store, start_module):
    """Each order has two of five hot products in any order: no deadlock, no unit given twice or left over."""
    await start_module("inventory", like=store.module, instance="inventory-2")
    chance = random.Random(7)
    hot = [await store.product(40) for _ in range(5)]
    orders = [await store.confirm(dict.fromkeys(chance.sample(hot, 2), 1)) for _ in range(150)]
    states = await store.settled(150)
    shipped = [order for order in orders if states[order] == "shipped"]
    left = [(await store.level(product))[0] for product in hot]
    assert sum(left) == 200 - 2 * len(shipped)
    assert sum(1 for quantity in left if quantity > 0) <= 1, (
        "two products left: some order could have had them"
    )
    assert "deadlock" not in store.module.logs()
    await store.check()


async def test_a_batch_is_allocated_in_the_order_of_its_events(store):
    product = await store.product(30)
    await store.module.stop()
    orders = [await store.confirm({product: 1}) for _ in range(50)]
    await store.module.restart()
    states = await store.settled(50)
    assert [states[order] for order in orders] == ["shipped"] * 30 + ["short"] * 20
    shipped = await store.module.events("shipment.shipped", 30)
    failed = await store.module.events("stock.reservation_failed", 20)
    assert [event.entity_id for event in shipped + failed] == orders
    await store.check()


async def test_confirmations_cancellations_and_requests_may_be_mixed_in_a_batch(store):
    scarce, plenty = await store.product(3), await store.product(100)
    await store.module.stop()
    orders = [await store.confirm({scarce: 1, plenty: 1}) for _ in range(6)]
    await store.tell("cancelled", orders[0])
    await store.tell("backorder_requested", orders[4])
    await store.tell("backorder_requested", orders[5])
    await store.tell("cancelled", orders[5])
    await store.module.restart()
    states = await store.settled(6)
    await store.module.wait(lambda: _handled(store, 10))
    states = await store.states()
    assert [states[order] for order in orders] == [
        "cancelled", "shipped", "shipped", "shipped", "waiting", "cancelled",
    ]  # fmt: skip
    await store.receive(scarce, 1)
    await store.module.wait(lambda: _demands(store, "shipped", 4))
    assert await store.level(plenty) == (96, 0)
    await store.check()


async def test_one_bad_event_does_not_keep_the_others_of_its_batch_waiting(store):
    product = await store.product(10)
    await store.module.stop()
    before = await store.confirm({product: 1})
    await store.module.publish("sales", "order.confirmed", new_id(), {"lines": "nonsense"}, store.company_id)
    after = await store.confirm({product: 1})
    await store.module.restart()
    states = await store.settled(2)
    assert states == {before: "shipped", after: "shipped"}
    await store.check()


async def test_an_instance_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(store):
    """The batch has registered its orders and waits for a level that someone else holds when it is killed."""
    products = [await store.product(100) for _ in range(3)]
    holder = await asyncpg.connect(store.module.admin_dsn)
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM inventory.stock FOR UPDATE")
        orders = [await store.confirm(dict.fromkeys(products, 1)) for _ in range(250)]
        await store.module.wait(lambda: store.module.admin.fetchval(WAITS_FOR_STOCK))
        await store.module.kill()
        await transaction.rollback()
    finally:
        await holder.close()
    await store.module.restart()
    states = await store.settled(250)
    assert Counter(states.values()) == {"shipped": 100, "short": 150}
    for product in products:
        assert await store.level(product) == (0, 0)
    told = await store.module.admin.fetch(
        "SELECT entity_id FROM outbox WHERE type IN ('shipment.shipped', 'stock.reservation_failed')"
    )
    assert Counter(row["entity_id"] for row in told) == Counter(orders)
    await store.check()


async def test_an_instance_killed_between_batches_loses_and_doubles_nothing(store):
    product = await store.product(400)
    orders = [await store.confirm({product: 1}) for _ in range(600)]
    await store.module.wait(lambda: _handled(store, 1))
    await store.module.kill()
    await store.module.restart()
    states = await store.settled(600)
    assert Counter(states.values()) == {"shipped": 400, "short": 200}
    assert states.keys() == set(orders)
    assert await store.level(product) == (0, 0)
    await store.check()


async def test_back_orders_are_served_once_with_two_instances(store, start_module):
    await start_module("inventory", like=store.module, instance="inventory-2")
    product = await store.product()
    orders = [await store.confirm({product: 1}) for _ in range(30)]
    await store.settled(30)
    for order in orders:
        await store.tell("backorder_requested", order)
    await store.module.wait(lambda: _demands(store, "waiting", 30))
    await asyncio.gather(*(store.receive(product, 2) for _ in range(10)))
    await store.module.wait(lambda: _demands(store, "shipped", 20))
    assert await store.level(product) == (0, 0)
    states = await store.states()
    assert [states[order] for order in orders] == ["shipped"] * 20 + ["waiting"] * 10
    await store.check()


async def _handled(store, events):
    return await store.module.admin.fetchval("SELECT count(*) >= $1 FROM inbox", events)


async def _demands(store, state, number):
    return await store.module.admin.fetchval(
        "SELECT count(*) = $2 FROM demands WHERE state = $1", state, number
    )
