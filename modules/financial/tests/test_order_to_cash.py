"""From events to the bank: in whatever order facts arrive, an order is invoiced, paid and reconciled once."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from nexus_kit import new_id

from .conftest import Books, broken_invariants


async def test_an_order_goes_from_shipped_to_reconciled(books: Books) -> None:
    order_id, charge = await books.open_invoice(total="119.40", cost="35.00")
    assert charge["amount"] == "119.40"
    assert charge["copy_paste"].startswith("000201")
    assert await books.balances() == {
        "receivable": Decimal("119.40"),
        "revenue": Decimal("-119.40"),
        "cost_of_sales": Decimal("35.00"),
        "inventory": Decimal("-35.00"),
    }
    assert (await books.pay(charge["txid"])) == {"txid": charge["txid"], "state": "paid"}
    await books.reconciled(order_id)
    invoice = await books.invoice(order_id, "paid")
    assert (await books.balances())["bank"] == Decimal("119.40")
    assert "receivable" not in await books.balances()
    detail = await books.call("GET", f"/invoices/{invoice['id']}")
    assert detail["payment"]["reconciled_at"]
    assert detail["charge"]["state"] == "paid"
    assert detail["lines"][0]["unit_price"] == "59.70"


async def test_each_step_is_told_once(books: Books) -> None:
    order_id = await books.paid_order()
    rows = await books.module.admin.fetch(
        "SELECT type, data FROM outbox WHERE data->>'order_id' = $1 ORDER BY seq", str(order_id)
    )
    assert [row["type"] for row in rows] == ["invoice.posted", "payment.received", "payment.reconciled"]
    invoice = await books.invoice(order_id, "paid")
    posted = await books.module.admin.fetchval(
        "SELECT data FROM outbox WHERE type = 'invoice.posted' AND data->>'order_id' = $1", str(order_id)
    )
    assert f'"number": {invoice["number"]}' in posted
    assert '"total": "119.40"' in posted
    assert invoice["txid"] in posted


async def test_shipped_before_confirmed_is_invoiced_all_the_same(books: Books) -> None:
    order_id = new_id()
    await books.shipped(order_id)
    await books.module.wait(lambda: books.count("orders"))
    assert await books.count("invoices") == 0
    await books.confirmed(order_id)
    await books.invoice(order_id)
    assert await books.count("entries") == 2


async def test_many_orders_in_any_order_get_numbers_without_gaps(books: Books) -> None:
    orders = [new_id() for _ in range(60)]
    half = len(orders) // 2
    for order_id in orders[:half]:
        await books.confirmed(order_id)
    for order_id in reversed(orders):
        await books.shipped(order_id)
    for order_id in orders[half:]:
        await books.confirmed(order_id)
    query = (
        "SELECT count(*) = 60 AND max(number) = 60 AND min(number) = 1 FROM invoices WHERE company_id = $1"
    )
    await books.module.wait(lambda: books.module.admin.fetchval(query, books.company_id))
    assert await books.count("entries") == 120


async def test_the_same_fact_told_twice_counts_once(books: Books) -> None:
    order_id = new_id()
    await books.confirmed(order_id)
    await books.confirmed(order_id)
    await books.shipped(order_id)
    await books.shipped(order_id)
    await books.invoice(order_id)
    await books.confirmed(order_id)
    await books.paid_order()  # a later order: the earlier events have all been handled
    assert await books.count("invoices") == 2
    assert await books.count("entries") == 6


async def test_an_order_without_a_price_completes_without_money(books: Books) -> None:
    order_id = new_id()
    await books.confirmed(order_id, total="0.00")
    await books.shipped(order_id)
    await books.invoice(order_id, "paid")
    types = await books.module.admin.fetch(
        "SELECT type FROM outbox WHERE data->>'order_id' = $1 ORDER BY seq", str(order_id)
    )
    assert [row["type"] for row in types] == ["invoice.posted", "payment.received", "payment.reconciled"]
    assert set(await books.balances()) == {"cost_of_sales", "inventory"}


async def test_two_instances_share_the_work_without_doubling_it(start_financial: Any) -> None:
    books = await start_financial()
    await start_financial(like=books.module, instance="financial-2")
    orders = [new_id() for _ in range(40)]
    for order_id in orders:
        await books.confirmed(order_id)
    for order_id in orders:
        await books.shipped(order_id)
    for order_id in orders:
        await books.pay((await books.charge(order_id))["txid"])
    for order_id in orders:
        await books.reconciled(order_id)
    assert await books.count("payments") == 40
    assert (await books.balances())["bank"] == Decimal("119.40") * 40
    assert await broken_invariants(books.module.admin) == {}


@pytest.mark.parametrize("crash", ["kill", "stop"])
async def test_a_crash_in_the_middle_loses_and_doubles_nothing(start_financial: Any, crash: str) -> None:
    books = await start_financial(PIX_SWEEP_SECONDS="1")
    orders = [new_id() for _ in range(30)]
    for order_id in orders:
        await books.confirmed(order_id)
    for order_id in orders:
        await books.shipped(order_id)
    await books.invoice(orders[0])
    await getattr(books.module, crash)()
    await books.module.restart()
    charges = [await books.charge(order_id) for order_id in orders]
    await asyncio.gather(*(books.pay(charge["txid"]) for charge in charges))
    await getattr(books.module, crash)()
    await books.module.restart()
    for order_id in orders:
        await books.reconciled(order_id)
    assert await books.count("payments") == 30
    assert await broken_invariants(books.module.admin) == {}
