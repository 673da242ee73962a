"""Orders through the HTTP face of the real process."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
from nexus_kit import new_id


async def test_a_quotation_is_made_in_one_request_with_totals_from_the_product_prices(shop):
    lines = [
        {"product_id": str(shop.products[0]), "quantity": "2", "discount_percent": "5"},
        {"product_id": str(shop.products[1]), "quantity": "1.5"},
    ]
    order = await shop.call("POST", "/orders", 201, json=shop.body(lines=lines, quote=True))
    assert order["state"] == "quotation"
    assert order["customer_name"] == "Loja Aurora"
    assert [line["total"] for line in order["lines"]] == ["19.00", "11.03"]
    assert [line["quantity"] for line in order["lines"]] == ["2", "1.5"]
    assert order["total"] == "30.03"
    assert order["actions"] == ["confirm", "cancel"]
    assert await shop.keys(order["id"]) == ["order.created", "order.quoted"]
    assert (await shop.call("GET", f"/orders/{order['id']}"))["lines"] == order["lines"]


async def test_a_draft_is_changed_quoted_and_confirmed(shop):
    order = await shop.call("POST", "/orders", 201, json=shop.body(quantity="1"))
    path = f"/orders/{order['id']}"
    assert (order["state"], order["actions"]) == ("draft", ["edit", "quote", "cancel"])
    two = [{"product_id": str(product), "quantity": "3"} for product in shop.products]
    changed = await shop.call("PATCH", path, json={"lines": two, "notes": "entregar à tarde"})
    assert (changed["total"], len(changed["lines"]), changed["notes"]) == ("52.05", 2, "entregar à tarde")
    changed = await shop.call("PATCH", path, json={"lines": two[1:]})
    assert (changed["total"], len(changed["lines"])) == ("22.05", 1)
    assert (await shop.call("POST", f"{path}/quote"))["state"] == "quotation"
    assert (await shop.call("PATCH", path, 409, json={"notes": "x"}))["type"].endswith("order-not-draft")
    confirmed = await shop.call("POST", f"{path}/confirm")
    assert confirmed["state"] == "confirmed"
    assert confirmed["confirmed_at"]


async def test_a_confirmation_tells_the_other_modules_all_they_need(shop):
    order = await shop.confirmed()
    (data,) = await shop.announced("order.confirmed", order["id"])
    assert data["order_id"] == order["id"]
    assert data["number"] == order["number"]
    assert (data["total"], data["currency"], data["synthetic"]) == ("20.00", "BRL", False)
    line = order["lines"][0]
    assert data["lines"] == [
        {
            "line_id": line["id"],
            "product_id": str(shop.products[0]),
            "quantity": "2.0000",
            "unit_price": "10.00",
            "total": "20.00",
        }
    ]


async def test_confirming_twice_is_refused_and_says_what_is_allowed(shop):
    order = await shop.confirmed()
    refused = await shop.call("POST", f"/orders/{order['id']}/confirm", 409)
    assert refused["type"].endswith("not-allowed-now")
    assert refused["actions"] == ["cancel"]
    await shop.call("POST", f"/orders/{new_id()}/confirm", 404)


async def test_an_unknown_customer_or_product_is_named_and_may_be_retried(shop):
    stranger = str(uuid4())
    refused = await shop.call("POST", "/orders", 422, json=shop.body(customer_id=stranger))
    assert refused["type"].endswith("unknown-customer")
    assert (refused["customer_id"], refused["retry"]) == (stranger, True)
    lines = [{"product_id": stranger, "quantity": "1"}]
    refused = await shop.call("POST", "/orders", 422, json=shop.body(lines=lines))
    assert refused["type"].endswith("unknown-product")
    assert (refused["product_id"], refused["field"]) == (stranger, "lines.0.product_id")


async def test_what_is_no_longer_active_cannot_be_sold(shop):
    gone = await shop.product("VELHO", active=False)
    await shop.customer("Fechada", id=(closed := new_id()), status="inactive")

    async def refused(body: dict, slug: str) -> bool:
        answer = await shop.call("POST", "/orders", 422, json=body)
        return answer["type"].endswith(slug)

    lines = [{"product_id": str(gone), "quantity": "1"}]
    await shop.module.wait(lambda: refused(shop.body(lines=lines), "product-not-active"))
    await shop.module.wait(lambda: refused(shop.body(customer_id=str(closed)), "customer-not-active"))


async def test_the_same_order_posted_ten_times_at_once_with_one_key_is_one_order(shop):
    key = {"Idempotency-Key": str(uuid4())}
    answers = await asyncio.gather(
        *(shop.call("POST", "/orders", 201, json=shop.body(quote=True), headers=key) for _ in range(10))
    )
    assert len({answer["id"] for answer in answers}) == 1
    assert len((await shop.call("GET", "/orders"))["items"]) == 1
    again = await shop.call("POST", "/orders", 409, json=shop.body(quantity="9"), headers=key)
    assert again["type"].endswith("idempotency-key-reused")


async def test_orders_placed_at_once_get_different_numbers(shop):
    orders = await asyncio.gather(*(shop.quote() for _ in range(60)))
    assert len({order["number"] for order in orders}) == 60


async def test_numbers_go_on_after_those_that_others_inserted(shop):
    order = await shop.quote()
    await shop.module.admin.execute(
        "UPDATE sales.orders SET number = 900000 WHERE id = $1", UUID(order["id"])
    )
    numbers = {int((await shop.quote())["number"]) for _ in range(55)}
    assert max(numbers) > 900000
    assert 900000 not in numbers


async def test_orders_are_found_by_state_customer_number_name_and_ids(shop):
    first, second = await shop.quote(), await shop.confirmed()

    async def ids(query: str) -> list[str]:
        return [order["id"] for order in (await shop.call("GET", f"/orders?{query}"))["items"]]

    assert await ids("") == [second["id"], first["id"]]
    assert await ids("state=quotation") == [first["id"]]
    assert await ids(f"q={second['number']}") == [second["id"]]
    assert await ids("q=aurora") == [second["id"], first["id"]]
    assert await ids("q=nobody") == []
    products = await shop.call("GET", "/products", params={"q": "produto chá"})
    assert [product["sku"] for product in products["items"]] == ["CHA"]
    assert await ids(f"customer_id={shop.customer_id}") == [second["id"], first["id"]]
    assert await ids(f"id={first['id']}&id={second['id']}") == [second["id"], first["id"]]
    page = await shop.call("GET", "/orders?limit=1")
    assert [order["id"] for order in page["items"]] == [second["id"]]
    assert await ids(f"limit=1&cursor={page['next']}") == [first["id"]]


async def test_the_timeline_speaks_portuguese_and_english(shop):
    order = await shop.confirmed()
    await shop.call("POST", f"/orders/{order['id']}/cancel", json={"reason": "desistiu"})
    path = f"/orders/{order['id']}"
    portuguese = await shop.call("GET", path)
    english = await shop.call("GET", path, headers={"Accept-Language": "en-US,en;q=0.9"})
    assert [one["text"] for one in portuguese["timeline"]][1:] == [
        "Orçamento emitido",
        "Pedido confirmado",
        "Pedido cancelado: desistiu",
    ]
    assert english["timeline"][-1]["text"] == "Order cancelled: desistiu"
    assert english["timeline"][-1]["actor"] == "ana@loja.example"


async def test_no_company_sees_or_changes_orders_of_another(shop, make_shop):
    other = await make_shop()
    order = await shop.confirmed()
    await other.call("GET", f"/orders/{order['id']}", 404)
    await other.call("POST", f"/orders/{order['id']}/cancel", 404, json={"reason": "x"})
    assert (await other.call("GET", "/orders"))["items"] == []
    stolen = await other.call("POST", "/orders", 422, json=shop.body())
    assert stolen["type"].endswith("unknown-customer")


async def test_row_level_security_hides_other_companies_even_from_a_query_without_a_filter(shop, make_shop):
    await shop.quote()
    other = await make_shop()
    connection = await asyncpg.connect(shop.module.app_dsn)
    try:
        assert await connection.fetchval("SELECT count(*) FROM orders") == 0
        await connection.execute("SELECT set_config('nexus.company_id', $1, false)", str(other.company_id))
        assert await connection.fetchval("SELECT count(*) FROM orders") == 0
        await connection.execute("SELECT set_config('nexus.company_id', $1, false)", str(shop.company_id))
        assert await connection.fetchval("SELECT count(*) FROM orders") == 1
    finally:
        await connection.close()


async def test_a_permission_is_needed_to_sell(shop):
    reader = shop.module.headers(permissions=["sales.order.read"], company_id=shop.company_id)
    await shop.call("GET", "/orders", headers=reader)
    await shop.call("POST", "/orders", 403, json=shop.body(), headers=reader)
