"""Price lists, and what a line costs."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_sales.pricing import line_total

MONEY = st.decimals(0, 10**6, places=2)


@given(st.decimals("0.0001", 10**4, places=4), MONEY, st.decimals(0, 100, places=2))
def test_a_line_total_is_within_half_a_cent_of_the_exact_amount(quantity, price, discount):
    exact = quantity * price * (100 - discount) / 100
    assert abs(line_total(quantity, price, discount) - exact) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "total"),
    [("1.5", "7.35", "0", "11.03"), ("3", "0.335", "0", "1.01"), ("1", "10", "100", "0.00")],
)
def test_half_a_cent_is_rounded_up(quantity, price, discount, total):
    assert str(line_total(Decimal(quantity), Decimal(price), Decimal(discount))) == total


@pytest.fixture
async def price_list(shop):
    new = await shop.call("POST", "/price-lists", 201, json={"name": "Atacado"})
    items = [{"product_id": str(shop.products[0]), "unit_price": "8.50"}]
    await shop.call("PUT", f"/price-lists/{new['id']}/items", 204, json={"items": items})
    return new


async def test_a_price_list_gives_its_prices_and_the_product_the_others(shop, price_list):
    lines = [{"product_id": str(product), "quantity": "1"} for product in shop.products]
    body = shop.body(lines=lines, price_list_id=price_list["id"])
    order = await shop.call("POST", "/orders", 201, json=body)
    assert [line["unit_price"] for line in order["lines"]] == ["8.50", "7.35"]
    lines[0]["unit_price"] = "1.00"
    order = await shop.call("POST", "/orders", 201, json=body)
    assert order["lines"][0]["unit_price"] == "1.00"


async def test_a_price_list_counts_only_while_it_is_valid(shop, price_list):
    body = shop.body(price_list_id=price_list["id"])
    path = f"/price-lists/{price_list['id']}"
    yesterday = str(date.today() - timedelta(days=1))
    await shop.call("PATCH", path, json={"valid_from": "2020-01-01", "valid_until": yesterday})
    refused = await shop.call("POST", "/orders", 422, json=body)
    assert refused["type"].endswith("price-list-not-valid")
    await shop.call("PATCH", path, json={"valid_until": None, "active": False})
    await shop.call("POST", "/orders", 422, json=body)
    await shop.call("PATCH", path, json={"active": True})
    await shop.call("POST", "/orders", 201, json=body)


async def test_replacing_the_items_leaves_only_the_new_ones(shop, price_list):
    path = f"/price-lists/{price_list['id']}/items"
    item = {"product_id": str(shop.products[1]), "unit_price": "6.00"}
    await shop.call("PUT", path, 204, json={"items": [item]})
    assert (await shop.call("GET", path))["items"] == [{**item, "sku": "CHA", "name": "Produto CHA"}]
    await shop.call("PUT", path, 422, json={"items": [item, item]})
    stranger = {"product_id": price_list["id"], "unit_price": "1.00"}
    assert (await shop.call("PUT", path, 422, json={"items": [stranger]}))["retry"] is True


async def test_active_lists_have_different_names_and_end_after_they_begin(shop, price_list):
    await shop.call("POST", "/price-lists", 409, json={"name": "atacado"})
    wrong = {"name": "Outra", "valid_from": "2026-02-01", "valid_until": "2026-01-01"}
    refused = await shop.call("POST", "/price-lists", 422, json=wrong)
    assert refused["type"].endswith("invalid-validity")


async def test_a_product_of_another_currency_needs_a_price(shop):
    foreign = str(await shop.product("VINHO", currency="EUR"))
    line = {"product_id": foreign, "quantity": "1"}
    lines = [{"product_id": str(shop.products[0]), "quantity": "1"}, line]

    async def mismatch() -> bool:
        answer = await shop.call("POST", "/orders", 422, json=shop.body(lines=lines))
        return answer["type"].endswith("currency-mismatch")

    await shop.module.wait(mismatch)
    lines[1] = {**line, "unit_price": "99.00"}
    assert (await shop.call("POST", "/orders", 201, json=shop.body(lines=lines)))["currency"] == "BRL"
