"""Products, warehouses and stock documents through the API."""

import asyncio
from decimal import Decimal

import asyncpg
import pytest
from nexus_kit import new_id


async def test_a_product_is_created_listed_changed_and_told(store):
    made = await store.create("products", {"sku": "A-1", "name": "Caneta", "list_price": "3.50"})
    assert (made["unit"], made["currency"], made["list_price"]) == ("un", "BRL", "3.50")
    status, changed = await store.call("PATCH", f"products/{made['id']}", {"list_price": "4.00"})
    assert (status, changed["list_price"], changed["name"]) == (200, "4.00", "Caneta")
    assert [item["id"] for item in (await store.get("products?q=canet"))["items"]] == [made["id"]]
    created = await store.module.events("product.created")
    updated = await store.module.events("product.updated")
    assert created[0].data == {
        "product_id": made["id"], "sku": "A-1", "name": "Caneta", "unit": "un",
        "list_price": "3.50", "currency": "BRL", "active": True,
    }  # fmt: skip
    assert updated[0].data["list_price"] == "4.00"


async def test_a_sku_is_unique_in_its_company_only(store, another):
    body = {"sku": "A-1", "name": "Caneta"}
    await store.create("products", body)
    status, problem = await store.call("POST", "products", body)
    assert (status, problem["type"], problem["field"]) == (409, "urn:nexus:problem:duplicate-sku", "sku")
    await another(store, company_id=new_id()).create("products", body)


async def test_the_first_warehouse_is_there_when_first_needed(store):
    items = (await store.get("warehouses"))["items"]
    assert [(item["name"], item["dispatch"], item["is_default"]) for item in items] == [
        ("Principal", "automatic", True)
    ]
    assert (await store.get("warehouses"))["items"] == items


async def test_of_many_who_make_their_warehouse_the_default_at_once_none_is_refused(store):
    warehouses = [await store.warehouse("manual", default=False) for _ in range(4)]
    for _ in range(5):
        answers = await asyncio.gather(
            *(store.call("PATCH", f"warehouses/{one}", {"is_default": True}) for one in warehouses),
            *(store.warehouse("manual") for _ in range(2)),
        )
        assert [status for status, _ in answers[:4]] == [200] * 4
        defaults = [one for one in (await store.get("warehouses"))["items"] if one["is_default"]]
        assert len(defaults) == 1


async def test_one_warehouse_at_a_time_is_the_default(store):
    first = (await store.get("warehouses"))["items"][0]["id"]
    second = await store.warehouse("manual")
    assert {w["id"]: w["is_default"] for w in (await store.get("warehouses"))["items"]} == {
        second: True, first: False,
    }  # fmt: skip
    status, _ = await store.call("PATCH", f"warehouses/{first}", {"is_default": True})
    assert status == 200
    assert {w["id"]: w["is_default"] for w in (await store.get("warehouses"))["items"]} == {
        second: False, first: True,
    }  # fmt: skip


async def test_receipts_move_the_average_cost_and_leave_movements(store):
    product = await store.product(10, cost="4")
    await store.receive(product, 30, cost="8")
    level = (await store.get(f"stock?product_id={product}"))["items"][0]
    assert (Decimal(level["on_hand"]), Decimal(level["average_cost"])) == (40, 7)
    moved = (await store.get(f"movements?product_id={product}"))["items"]
    assert [(line["kind"], Decimal(line["quantity"])) for line in moved] == [("receipt", 30), ("receipt", 10)]
    receipts = (await store.get("receipts"))["items"]
    assert [Decimal(receipt["lines"][0]["unit_cost"]) for receipt in receipts] == [8, 4]
    await store.check()


async def test_a_receipt_may_carry_500_lines_and_is_booked_once_per_key(store):
    products = [await store.product() for _ in range(3)]
    lines = [{"product_id": products[n % 3], "quantity": "1", "unit_cost": "1"} for n in range(500)]
    answers = [await store.create("receipts", {"lines": lines}, key="delivery-1") for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert sum([(await store.level(product))[0] for product in products]) == 500
    await store.check()


async def test_an_adjustment_takes_only_what_is_free(store):
    product = await store.product(5)
    await store.create("reservations", {"product_id": product, "quantity": "3"})
    line = {"product_id": product, "quantity": "-3"}
    status, problem = await store.call("POST", "adjustments", {"reason": "broken", "lines": [line]})
    assert (status, problem["type"]) == (409, "urn:nexus:problem:insufficient-stock")
    assert Decimal(problem["available"]) == 2
    await store.create("adjustments", {"reason": "broken", "lines": [line | {"quantity": "-2"}]})
    assert await store.level(product) == (3, 3)
    await store.check()


async def test_a_transfer_carries_goods_and_their_cost(store):
    product = await store.product(10, cost="4")
    main = (await store.get("warehouses"))["items"][0]["id"]
    shop = await store.warehouse("manual", default=False)
    body = {
        "from_warehouse_id": main, "to_warehouse_id": shop,
        "lines": [{"product_id": product, "quantity": "4"}],
    }  # fmt: skip
    await store.create("transfers", body)
    levels = {
        level["warehouse_id"]: level for level in (await store.get(f"stock?product_id={product}"))["items"]
    }
    assert {place: Decimal(level["on_hand"]) for place, level in levels.items()} == {main: 6, shop: 4}
    assert Decimal(levels[shop]["average_cost"]) == 4
    status, _ = await store.call(
        "POST", "transfers", body | {"lines": [{"product_id": product, "quantity": "7"}]}
    )
    assert status == 409
    await store.check()


async def test_a_reservation_by_hand_is_given_back_once(store):
    product = await store.product(2)
    held = await store.create("reservations", {"product_id": product, "quantity": "2", "reference": "Ana"})
    assert await store.level(product) == (2, 2)
    status, answer = await store.call("DELETE", f"reservations/{held['id']}")
    assert (status, answer["state"]) == (200, "released")
    status, _ = await store.call("DELETE", f"reservations/{held['id']}")
    assert status == 409
    assert await store.level(product) == (2, 0)
    await store.check()


async def test_unknown_products_and_warehouses_are_named(store):
    missing = str(new_id())
    line = {"product_id": missing, "quantity": "1", "unit_cost": "1"}
    status, problem = await store.call("POST", "receipts", {"lines": [line]})
    assert (status, problem["unknown"]) == (422, [missing])
    status, problem = await store.call("POST", "receipts", {"warehouse_id": missing, "lines": [line]})
    assert (status, problem["type"]) == (422, "urn:nexus:problem:unknown-warehouse")


async def test_lists_are_paged_to_their_end(store):
    products = {await store.product(1) for _ in range(5)}
    for path in ("products", "stock", "movements"):
        seen, cursor = [], ""
        while True:
            page = await store.get(f"{path}?limit=2{cursor}")
            seen += [item["id" if path == "products" else "product_id"] for item in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert len(seen) == 5
        assert set(seen) == products


async def test_movements_are_append_only_for_everyone(store):
    await store.product(1)
    app = await asyncpg.connect(store.module.app_dsn)
    try:
        for statement in ("UPDATE movements SET quantity = 2", "DELETE FROM movements", "TRUNCATE movements"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)
            with pytest.raises(asyncpg.RestrictViolationError):
                await store.module.admin.execute(statement)
    finally:
        await app.close()


async def test_another_company_sees_and_touches_nothing(store, another):
    product = await store.product(5)
    stranger = another(store, company_id=new_id())
    for path in ("products", "stock", "movements", "receipts", "reservations", "shipments", "backorders"):
        assert (await stranger.get(path))["items"] == []
    assert (await stranger.call("GET", f"products/{product}"))[0] == 404
    assert (await stranger.call("PATCH", f"products/{product}", {"name": "mine"}))[0] == 404
    body = {"product_id": product, "quantity": "1"}
    assert (await stranger.call("POST", "reservations", body))[0] == 422
    app = await asyncpg.connect(store.module.app_dsn)
    try:
        assert await app.fetchval("SELECT count(*) FROM products") == 0
        await app.execute("SELECT set_config('nexus.company_id', $1, false)", str(stranger.company_id))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(
                "INSERT INTO products (company_id, sku, name) VALUES ($1, 'x', 'x')", store.company_id
            )
    finally:
        await app.close()


async def test_permissions_are_asked_for(store):
    async with store.module.http.get("/api/inventory/products") as answer:
        assert answer.status == 401
    headers = store.module.headers(["inventory.product.read"])
    async with store.module.http.get("/api/inventory/products", headers=headers) as answer:
        assert answer.status == 200
    for method, path in (("GET", "stock"), ("POST", "products"), ("POST", "receipts")):
        async with store.module.http.request(
            method, f"/api/inventory/{path}", json={"sku": "a", "name": "a", "lines": []}, headers=headers
        ) as answer:
            assert answer.status in (403, 422), path
            if method == "GET":
                assert answer.status == 403


async def test_business_health_is_bad_when_a_promise_is_a_day_old(store):
    async with store.module.http.get("/health/business") as answer:
        assert (await answer.json())["ok"] is True
    await store.module.admin.execute(
        "INSERT INTO reservations"
        " (company_id, warehouse_id, product_id, order_id, shipment_id, quantity, state, created_at) VALUES"
        " ($1, uuidv7(), uuidv7(), uuidv7(), uuidv7(), 1, 'active', now() - interval '25 hours')",
        store.company_id,
    )
    async with store.module.http.get("/health/business") as answer:
        body = await answer.json()
    assert body["ok"] is False
    assert body["numbers"]["stale_reservations"] == 1
