"""Manual entries, payments over the counter, ageing, and who may do what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .conftest import Books


@pytest.fixture
async def chart(books: Books) -> dict[str, str]:
    return {account["code"]: account["id"] for account in await books.call("GET", "/accounts")}


def manual(chart: dict[str, str], debit: str = "5.2.1", credit: str = "1.1.2", **more: Any) -> dict[str, Any]:
    lines = [{"account_id": chart[debit], "debit": "10.50"}, {"account_id": chart[credit], "credit": "10.50"}]
    today = (datetime.now(UTC) - timedelta(hours=3)).date()
    return {"date": today.isoformat(), "description": "wages", "lines": lines, **more}


async def test_a_manual_entry_is_drafted_posted_and_reversed_once(
    books: Books, chart: dict[str, str]
) -> None:
    drafted = await books.call("POST", "/entries", 201, json=manual(chart))
    assert drafted["state"] == "draft"
    path = f"/entries/{drafted['id']}"
    await books.call("POST", f"{path}/reverse", 409)
    assert (await books.call("POST", f"{path}/post"))["state"] == "posted"
    assert (await books.call("POST", f"{path}/post"))["state"] == "posted"
    assert (await books.call("DELETE", path, 409))["type"].endswith("entry-posted")
    mirror = await books.call("POST", f"{path}/reverse", 201)
    assert mirror["reversal_of"] == drafted["id"]
    assert [line["credit"] for line in mirror["lines"]] == ["10.50", "0.00"]
    assert (await books.call("POST", f"{path}/reverse", 409))["type"].endswith("entry-reversed")
    assert await books.balances() == {}


async def test_the_same_entry_sent_again_with_its_key_is_stored_once(
    books: Books, chart: dict[str, str]
) -> None:
    sent = {"json": manual(chart), "headers": {"Idempotency-Key": "entry-1"}}
    first = await books.call("POST", "/entries", 201, **sent)
    assert await books.call("POST", "/entries", 201, **sent) == first
    assert await books.count("entries") == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"lines": []}, 422),
        ({"date": "1999-12-31"}, 422),
        ({"description": ""}, 422),
        ({"surprise": 1}, 422),
    ],
)
async def test_malformed_entries_are_refused(
    books: Books, chart: dict[str, str], change: dict[str, Any], problem: int
) -> None:
    await books.call("POST", "/entries", problem, json=manual(chart, **change))


async def test_an_unbalanced_draft_is_refused(books: Books, chart: dict[str, str]) -> None:
    body = manual(chart)
    body["lines"][0]["debit"] = "10.51"
    refused = await books.call("POST", "/entries", 422, json=body)
    assert "differ" in str(refused)


async def test_control_accounts_take_no_manual_entry(books: Books, chart: dict[str, str]) -> None:
    refused = await books.call("POST", "/entries", 422, json=manual(chart, debit="1.1.4"))
    assert refused["type"].endswith("account-not-postable")


async def test_the_entry_of_a_document_is_not_reversed_by_hand(books: Books) -> None:
    await books.open_invoice()
    entries = await books.call("GET", "/entries?kind=invoice")
    refused = await books.call("POST", f"/entries/{entries['items'][0]['id']}/reverse", 409)
    assert refused["type"].endswith("entry-not-manual")


async def test_entries_come_in_pages(books: Books) -> None:
    for _ in range(3):
        await books.open_invoice()
    first = await books.call("GET", "/entries?limit=4")
    second = await books.call("GET", f"/entries?limit=4&cursor={first['next']}")
    assert len({entry["id"] for entry in first["items"] + second["items"]}) == 6
    assert second["next"] is None
    numbers = (await books.call("GET", "/invoices?limit=2"))["items"]
    assert [invoice["number"] for invoice in numbers] == [3, 2]


async def test_an_account_is_added_once(books: Books) -> None:
    body = {"code": "5.2.9", "name_pt": "Aluguel", "name_en": "Rent", "type": "expense"}
    await books.call("POST", "/accounts", 201, json=body)
    assert (await books.call("POST", "/accounts", 409, json=body))["type"].endswith("duplicate-account")


async def test_a_payment_over_the_counter_settles_the_invoice_and_withdraws_its_charge(books: Books) -> None:
    order_id, charge = await books.open_invoice()
    body = {
        "invoice_id": charge["invoice_id"],
        "amount": "119.40",
        "method": "transfer",
        "reference": "DOC 77",
    }
    wrong = await books.call("POST", "/payments", 422, json=body | {"amount": "100.00"})
    assert wrong["type"].endswith("amount-differs")
    paid = await books.call("POST", "/payments", 201, json=body)
    assert paid["reconciled_at"]
    await books.invoice(order_id, "paid")
    await books.charge(order_id, "cancelled")
    assert (await books.call("POST", "/payments", 409, json=body))["type"].endswith("invoice-not-open")
    await books.pay(charge["txid"], anyway=True)
    await books.module.wait(lambda: books.count("refunds"))
    told = "SELECT type FROM outbox WHERE data->>'order_id' = $1 ORDER BY seq"
    types = [row["type"] for row in await books.module.admin.fetch(told, str(order_id))]
    assert types == ["invoice.posted", "payment.received", "payment.reconciled"]


async def test_receivables_age_by_days_overdue(books: Books) -> None:
    for days in (-1, 10, 45, 75, 200):
        order_id, _ = await books.open_invoice(total="100.00")
        await books.module.admin.execute(
            """UPDATE invoices SET issue_date = issue_date - 400,
                      due_date = ((now() - interval '3 hours')::date - $2::int) WHERE order_id = $1""",
            order_id,
            days,
        )
    ageing = await books.call("GET", "/receivables/ageing")
    assert [bucket["invoices"] for bucket in ageing["buckets"]] == [1, 1, 1, 1, 1]
    assert ageing["total"] == "500.00"
    summary = await books.call("GET", "/summary")
    assert summary["receivable"] == "500.00"
    assert summary["overdue"] == "400.00"
    assert summary["month_revenue"] == "500.00"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/accounts"),
        ("GET", "/entries"),
        ("GET", "/invoices"),
        ("GET", "/payments"),
        ("GET", "/charges"),
        ("GET", "/reconciliation"),
        ("GET", "/summary"),
        ("POST", "/closes"),
        ("POST", f"/pix/simulator/charges/{'a' * 32}/pay"),
    ],
)
async def test_nothing_is_open_without_a_token_or_its_permission(
    books: Books, method: str, path: str
) -> None:
    async with books.module.http.request(method, f"/api/financial{path}", json={}) as answer:
        assert answer.status == 401
    headers = books.module.headers(["sales.*"], company_id=books.company_id)
    async with books.module.http.request(method, f"/api/financial{path}", json={}, headers=headers) as answer:
        assert answer.status == 403


async def test_another_companys_documents_are_not_found(books: Books) -> None:
    _, charge = await books.open_invoice()
    stranger = Books(books.module)
    await stranger.call("GET", f"/invoices/{charge['invoice_id']}", 404)
    entries = await books.call("GET", "/entries")
    await stranger.call("GET", f"/entries/{entries['items'][0]['id']}", 404)
    periods = await books.call("GET", "/periods")
    await stranger.call("POST", f"/periods/{periods[0]['id']}/close", 404)


async def test_the_business_is_well_when_nothing_waits(books: Books) -> None:
    await books.paid_order()
    async with books.module.http.get("/health/business") as answer:
        health = await answer.json()
    assert health["numbers"]["unbalanced_entries"] == 0
    assert health["numbers"]["shipped_not_invoiced"] == 0
    assert health["numbers"]["events_parked"] == 0
