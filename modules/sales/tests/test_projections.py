"""What sales remembers of customers and products, told by events that may be late or repeated."""

import asyncio
from typing import Any

import asyncpg
from nexus_kit import new_id

WAITS_FOR_CUSTOMER = """
SELECT count(*) > 0 FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FROM customers%'
"""


async def test_the_last_told_name_of_a_customer_counts(shop):
    data = {"tax_id": None, "email": None, "status": "active", "customer_id": str(shop.customer_id)}
    await shop.tell("crm", "customer.updated", shop.customer_id, name="Loja Boreal", **data)

    async def renamed() -> bool:
        return (await shop.call("GET", "/customers"))["items"][0]["name"] == "Loja Boreal"

    await shop.module.wait(renamed)
    assert (await shop.quote())["customer_name"] == "Loja Boreal"


async def test_a_merge_moves_orders_and_later_orders_go_to_the_kept_customer(shop):
    order = await shop.quote()
    kept = await shop.customer("Loja Unida")
    merged = {"customer_id": str(kept), "duplicate_id": str(shop.customer_id)}
    await shop.tell("crm", "customer.merged", kept, **merged)
    moved = await shop.until(order["id"], lambda o: o["customer_id"] == str(kept))
    assert moved["customer_name"] == "Loja Unida"
    assert moved["timeline"][-1]["text"] == "Cliente unificado com Loja Unida"
    assert (await shop.quote())["customer_id"] == str(kept)
    assert [one["id"] for one in (await shop.call("GET", "/customers"))["items"]] == [str(kept)]


async def test_chained_merges_told_backwards_end_at_the_last_customer(shop):
    order = await shop.quote()
    middle, last = new_id(), await shop.customer("Última")
    await shop.tell("crm", "customer.merged", last, customer_id=str(last), duplicate_id=str(middle))
    await shop.customer("Do meio", id=middle)
    merged = {"customer_id": str(middle), "duplicate_id": str(shop.customer_id)}
    await shop.tell("crm", "customer.merged", middle, **merged)
    await shop.until(order["id"], lambda o: o["customer_id"] == str(last))


async def test_orders_placed_while_customers_are_merged_end_at_the_kept_one(shop):
    kept = await shop.customer("Loja Unida")

    async def two_known() -> bool:
        return len((await shop.call("GET", "/customers"))["items"]) == 2

    await shop.module.wait(two_known)
    merged = {"customer_id": str(kept), "duplicate_id": str(shop.customer_id)}

    def quote() -> asyncio.Task[tuple[int, Any]]:
        return asyncio.create_task(shop.ask("POST", "/orders", json=shop.body(quote=True)))

    orders = [quote() for _ in range(30)]
    await shop.tell("crm", "customer.merged", kept, **merged)
    orders += [quote() for _ in range(30)]
    placed = 0
    for status, answer in await asyncio.gather(*orders):
        if status == 409:  # in the very moment of the merge
            assert answer["type"] == "urn:nexus:problem:customer-changed"
            continue
        assert status == 201, answer
        await shop.until(answer["id"], lambda o: o["customer_id"] == str(kept))
        placed += 1
    assert placed > 0


async def test_a_draft_is_not_given_to_a_customer_that_is_just_being_merged(shop):
    draft = await shop.call("POST", "/orders", 201, json=shop.body())
    duplicate = await shop.customer("Loja Dobrada")

    async def two_known() -> bool:
        return len((await shop.call("GET", "/customers"))["items"]) == 2

    await shop.module.wait(two_known)
    merging = await asyncpg.connect(shop.module.admin_dsn)
    try:
        async with merging.transaction():
            await merging.execute(
                "UPDATE sales.customers SET status = 'merged', merged_into = $1 WHERE id = $2",
                shop.customer_id,
                duplicate,
            )
            body = {"customer_id": str(duplicate)}
            change = asyncio.create_task(shop.call("PATCH", f"/orders/{draft['id']}", 409, json=body))

            async def waits_or_ended() -> bool:
                return change.done() or await shop.module.admin.fetchval(WAITS_FOR_CUSTOMER)

            await shop.module.wait(waits_or_ended)
    finally:
        await merging.close()
    assert (await change)["type"] == "urn:nexus:problem:customer-changed"
    draft = await shop.call("GET", f"/orders/{draft['id']}")
    assert draft["customer_id"] == str(shop.customer_id)


async def test_a_repriced_product_is_sold_at_its_new_price(shop):
    data = {"sku": "CAFE", "name": "Café", "unit": "kg", "currency": "BRL", "active": True}
    product = str(shop.products[0])
    await shop.tell(
        "inventory", "product.updated", shop.products[0], product_id=product, list_price="12.00", **data
    )

    async def repriced() -> bool:
        line = (await shop.quote())["lines"][0]
        return (line["unit_price"], line["unit"]) == ("12.00", "kg")

    await shop.module.wait(repriced)
