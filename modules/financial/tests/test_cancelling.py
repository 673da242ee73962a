"""Cancelling an order in any of its states leaves books that add up and owe the customer what was paid."""

import asyncio
from decimal import Decimal
from typing import Any

from nexus_kit import new_id

from .conftest import Books


async def handled(books: Books, order_id: Any) -> None:
    """Wait until the cancellation is known."""
    query = "SELECT 1 FROM orders WHERE order_id = $1 AND cancelled_at IS NOT NULL"
    await books.module.wait(lambda: books.module.admin.fetchval(query, order_id))


async def test_before_shipment_nothing_is_reversed_and_a_late_shipment_is_not_invoiced(books: Books) -> None:
    order_id = new_id()
    await books.confirmed(order_id)
    await books.cancelled(order_id)
    await handled(books, order_id)
    await books.shipped(order_id)
    await books.returned(order_id)
    await books.paid_order()  # later events on the same streams are through
    returned = "SELECT 1 FROM orders WHERE order_id = $1 AND returned_at IS NOT NULL"
    await books.module.wait(lambda: books.module.admin.fetchval(returned, order_id))
    assert await books.count("invoices") == 1
    assert await books.count("credit_notes") == 0


async def test_before_anything_else_is_known_it_is_remembered(books: Books) -> None:
    order_id = new_id()
    await books.cancelled(order_id)
    await handled(books, order_id)
    await books.confirmed(order_id)
    await books.shipped(order_id)
    await books.paid_order()
    assert await books.count("invoices") == 1


async def test_an_open_invoice_is_reversed_by_a_credit_note(books: Books) -> None:
    order_id, charge = await books.open_invoice()
    await books.cancelled(order_id)
    invoice = await books.invoice(order_id, "reversed")
    await books.returned(order_id)
    books_empty = "SELECT count(*) = 4 FROM entries WHERE company_id = $1"
    await books.module.wait(lambda: books.module.admin.fetchval(books_empty, books.company_id))
    assert await books.balances() == {}
    detail = await books.call("GET", f"/invoices/{invoice['id']}")
    assert detail["credit_note"] == {
        "id": detail["credit_note"]["id"],
        "number": 1,
        "total": "119.40",
        "reason": "customer changed mind",
    }
    assert (await books.charge(order_id, "cancelled"))["txid"] == charge["txid"]
    await books.pay(charge["txid"], expect=409)
    assert await books.count("refunds") == 0


async def test_a_payment_after_the_reversal_is_owed_back(books: Books) -> None:
    order_id, charge = await books.open_invoice()
    await books.cancelled(order_id)
    await books.charge(order_id, "cancelled")
    await books.pay(charge["txid"], anyway=True)
    await books.reconciled(order_id)
    assert (await books.balances())["refund_payable"] == Decimal("-119.40")
    listed = await books.call("GET", "/reconciliation")
    assert listed["refunds"][0]["reason"] == "The invoice was reversed before the payment"
    told = "SELECT count(*) FROM outbox WHERE type = 'payment.received' AND company_id = $1"
    assert await books.module.admin.fetchval(told, books.company_id) == 0


async def test_a_paid_invoice_is_reversed_and_the_money_is_owed_back_until_paid_out(books: Books) -> None:
    order_id = await books.paid_order()
    await books.cancelled(order_id)
    await books.invoice(order_id, "reversed")
    balances = await books.balances()
    assert balances["refund_payable"] == Decimal("-119.40")
    assert balances["bank"] == Decimal("119.40")
    assert "receivable" not in balances
    assert "revenue" not in balances
    (refund,) = (await books.call("GET", "/reconciliation"))["refunds"]
    paid = await books.call("POST", f"/refunds/{refund['id']}/pay", json={"reference": "TED 1"})
    assert paid["state"] == "paid"
    again = await books.call("POST", f"/refunds/{refund['id']}/pay", 409, json={"reference": "TED 1"})
    assert again["type"].endswith("refund-paid")
    assert set(await books.balances()) == {"cost_of_sales", "inventory"}


async def test_cancelled_twice_is_reversed_once(books: Books) -> None:
    order_id = await books.paid_order()
    for _ in range(3):
        await books.cancelled(order_id)
    await books.invoice(order_id, "reversed")
    other = await books.paid_order()
    await books.cancelled(other)
    await books.invoice(other, "reversed")
    assert await books.count("credit_notes") == 2
    assert await books.count("refunds") == 2


async def test_payment_and_cancellation_at_once_end_either_way_with_the_money_owed_back(books: Books) -> None:
    opened = [await books.open_invoice() for _ in range(8)]
    pays = [
        books.call("POST", f"/pix/simulator/charges/{c['txid']}/pay", 202, json={"anyway": True})
        for _, c in opened
    ]
    await asyncio.gather(*pays, *(books.cancelled(order_id) for order_id, _ in opened))
    for order_id, _ in opened:
        await books.invoice(order_id, "reversed")
        await books.reconciled(order_id)
    assert await books.count("refunds") == 8
    balances = await books.balances()
    assert balances["refund_payable"] == Decimal("-119.40") * 8
    assert "receivable" not in balances


async def test_returned_goods_go_back_at_cost_once(books: Books) -> None:
    order_id, _ = await books.open_invoice(cost="35.00")
    await books.returned(order_id)
    await books.returned(order_id)
    gone = "SELECT 1 FROM entries WHERE company_id = $1 AND kind = 'reversal'"
    await books.module.wait(lambda: books.module.admin.fetchval(gone, books.company_id))
    await books.paid_order()
    assert await books.balances() == {
        "receivable": Decimal("119.40"),
        "bank": Decimal("119.40"),
        "revenue": Decimal("-238.80"),
        "cost_of_sales": Decimal("35.00"),
        "inventory": Decimal("-35.00"),
    }


async def test_returned_before_shipped_waits_for_the_shipment(books: Books) -> None:
    order_id = new_id()
    await books.returned(order_id)
    await books.confirmed(order_id)
    await books.shipped(order_id)
    gone = "SELECT 1 FROM entries WHERE company_id = $1 AND kind = 'reversal'"
    await books.module.wait(lambda: books.module.admin.fetchval(gone, books.company_id))
