"""Webhooks are triggers only, and no payment is lost, believed or counted twice."""

import asyncio
from decimal import Decimal
from typing import Any

from nexus_kit import new_id

from .conftest import Books, broken_invariants, signed


async def test_the_same_webhook_ten_times_at_once_is_applied_once(books: Books) -> None:
    order_id, charge = await books.open_invoice()
    await books.pay(charge["txid"], delay_ms=86_400_000)  # the PSP's own webhook comes too late

    async def send() -> int:
        async with books.module.http.post("/api/financial/pix/webhook", **signed([charge["txid"]])) as answer:
            return answer.status

    assert await asyncio.gather(*(send() for _ in range(10))) == [202] * 10
    await books.invoice(order_id, "paid")
    assert await books.count("payments") == 1
    assert await books.count("entries") == 3


async def test_duplicates_of_the_psp_are_applied_once(books: Books) -> None:
    order_id, charge = await books.open_invoice()
    await books.pay(charge["txid"], duplicates=9)
    await books.reconciled(order_id)
    assert await books.count("payments") == 1


async def test_paying_twice_at_once_pays_once(books: Books) -> None:
    order_id, charge = await books.open_invoice()
    answers = await asyncio.gather(*(books.pay(charge["txid"]) for _ in range(5)))
    assert [answer["state"] for answer in answers] == ["paid"] * 5
    await books.reconciled(order_id)
    assert (await books.balances())["bank"] == Decimal("119.40")


async def test_a_forged_or_missing_signature_is_refused_and_noted_nowhere(books: Books) -> None:
    _, charge = await books.open_invoice()
    genuine = signed([charge["txid"]])
    forged = [
        signed([charge["txid"]], secret="another secret"),
        {"data": genuine["data"]},
        genuine | {"data": genuine["data"] + b" "},
        genuine | {"headers": {"X-Pix-Signature": "ação"}},
    ]
    for request in forged:
        async with books.module.http.post("/api/financial/pix/webhook", **request) as answer:
            assert answer.status == 401
            assert (await answer.json(content_type=None))["type"].endswith("signature-invalid")
    assert (
        await books.module.admin.fetchval("SELECT count(*) FROM pix_notices WHERE txid = $1", charge["txid"])
        == 0
    )


async def test_a_genuine_webhook_for_an_unpaid_charge_changes_nothing(books: Books) -> None:
    order_id, charge = await books.open_invoice()
    unknown = new_id().hex
    async with books.module.http.post(
        "/api/financial/pix/webhook", **signed([charge["txid"], unknown])
    ) as answer:
        assert answer.status == 202
        assert await answer.json() == {"received": 2}
    gone = "SELECT NOT EXISTS (SELECT 1 FROM pix_notices WHERE txid = ANY($1::text[]))"
    await books.module.wait(lambda: books.module.admin.fetchval(gone, [charge["txid"], unknown]))
    assert (await books.invoice(order_id, "posted"))["paid_at"] is None
    assert await books.count("payments") == 0


async def test_a_malformed_webhook_is_refused(books: Books) -> None:
    for txids in ([], ["x"], ["'; DROP TABLE payments; --"]):
        async with books.module.http.post("/api/financial/pix/webhook", **signed(txids)) as answer:
            assert answer.status == 422


async def test_a_late_webhook_changes_nothing_after_the_settlement_found_the_payment(books: Books) -> None:
    order_id, charge = await books.open_invoice()
    await books.pay(charge["txid"], delay_ms=86_400_000)
    await books.reconciled(order_id)
    async with books.module.http.post("/api/financial/pix/webhook", **signed([charge["txid"]])) as answer:
        assert answer.status == 202
    answered = "SELECT NOT EXISTS (SELECT 1 FROM pix_notices WHERE txid = $1)"
    await books.module.wait(lambda: books.module.admin.fetchval(answered, charge["txid"]))
    assert await books.count("payments") == 1
    assert await books.count("entries") == 4


async def test_a_lost_webhook_is_found_by_the_sweeper(start_financial: Any) -> None:
    books = await start_financial(PIX_SWEEP_SECONDS="0.5")
    order_id, charge = await books.open_invoice()
    # Settlement is kept away, so that only the sweeper can find the payment.
    await books.module.admin.execute("ALTER TABLE psp_pix ADD CHECK (settlement IS NULL) NOT VALID")
    await books.pay(charge["txid"], delay_ms=86_400_000)
    await books.invoice(order_id, "paid")


async def test_an_unpaid_charge_expires_and_a_later_payment_is_owed_back(start_financial: Any) -> None:
    books = await start_financial(PIX_CHARGE_TTL_SECONDS="1")
    order_id = new_id()
    await books.confirmed(order_id)
    await books.shipped(order_id)
    charge = await books.charge(order_id, "expired")
    (expired,) = await books.module.events("payment.expired")
    assert expired.data == {
        "order_id": str(order_id),
        "invoice_id": charge["invoice_id"],
        "txid": charge["txid"],
    }
    refused = await books.pay(charge["txid"], expect=409)
    assert refused["type"].endswith("charge-removed")
    await books.pay(charge["txid"], anyway=True)

    async def owed() -> Any:
        return (await books.call("GET", "/reconciliation"))["refunds"]

    (refund,) = await books.module.wait(owed)
    assert refund["amount"] == "119.40"
    assert "expired" in refund["reason"]
    assert (await books.invoice(order_id, "posted"))["paid_at"] is None
    await books.cancelled(order_id, "payment expired")
    await books.invoice(order_id, "reversed")
    await books.reconciled(order_id)
    balances = await books.balances()
    assert balances["refund_payable"] == Decimal("-119.40")
    assert balances["bank"] == Decimal("119.40")
    assert "receivable" not in balances
    assert await broken_invariants(books.module.admin) == {}


async def test_a_payment_in_time_whose_webhook_is_late_is_not_expired(start_financial: Any) -> None:
    books = await start_financial(PIX_SWEEP_SECONDS="600")
    await books.module.admin.execute("ALTER TABLE psp_pix ADD CHECK (settlement IS NULL) NOT VALID")
    order_id, charge = await books.open_invoice()
    await books.pay(charge["txid"], delay_ms=86_400_000)
    await books.module.admin.execute("UPDATE charges SET expires_at = now()")
    await books.invoice(order_id, "paid")
    assert (await books.charge(order_id, "paid"))["state"] == "paid"
    assert (
        await books.module.admin.fetchval("SELECT count(*) FROM outbox WHERE type = 'payment.expired'") == 0
    )


async def test_a_settlement_without_a_payment_is_listed(books: Books) -> None:
    _, charge = await books.open_invoice()
    await books.module.admin.execute(
        """INSERT INTO unmatched_settlements (end_to_end_id, txid, amount, settled_at, company_id)
           VALUES ($1, $2, 1.00, now(), $3)""",
        f"E{new_id().hex[:31]}",
        charge["txid"],
        books.company_id,
    )
    listed = await books.call("GET", "/reconciliation")
    assert listed["counts"]["settlements"] == 1
    assert listed["settlements"][0]["amount"] == "1.00"


async def test_another_company_cannot_pay_or_see_a_charge(books: Books) -> None:
    order_id, charge = await books.open_invoice()
    stranger = Books(books.module)
    await stranger.pay(charge["txid"], expect=404)
    assert (await stranger.call("GET", f"/charges?order_id={order_id}"))["items"] == []
    assert (await stranger.call("GET", "/charges?state=active"))["items"] == []


async def test_active_charges_are_listed_in_pages(books: Books) -> None:
    orders = [(await books.open_invoice())[0] for _ in range(3)]
    first = await books.call("GET", "/charges?state=active&limit=2")
    second = await books.call("GET", f"/charges?state=active&limit=2&cursor={first['next']}")
    assert {item["order_id"] for item in first["items"] + second["items"]} == {str(o) for o in orders}
    assert second["next"] is None
    wanted = "&".join(f"order_id={order_id}" for order_id in orders[:2])
    assert len((await books.call("GET", f"/charges?{wanted}&limit=500"))["items"]) == 2
