"""The month-end close is done once, whatever happens on the way."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from .conftest import Books, broken_invariants


def last_month() -> date:
    """A day of the month before this one, on the books' clock."""
    today = (datetime.now(UTC) - timedelta(hours=3)).date()
    return today.replace(day=1) - timedelta(days=1)


async def entry(
    books: Books, debit: str, credit: str, amount: str, day: date, post: bool = True
) -> dict[str, Any]:
    """A manual entry between two accounts given by code."""
    chart = {account["code"]: account["id"] for account in await books.call("GET", "/accounts")}
    lines = [{"account_id": chart[debit], "debit": amount}, {"account_id": chart[credit], "credit": amount}]
    body = {"date": day.isoformat(), "description": "month", "lines": lines}
    drafted = await books.call("POST", "/entries", 201, json=body)
    return await books.call("POST", f"/entries/{drafted['id']}/post") if post else drafted


async def a_month(books: Books) -> date:
    """Revenue of 1000, staff of 300 and rent of 450 in the last month; returns a day of it."""
    day = last_month()
    await entry(books, "1.1.2", "4.1.1", "1000.00", day)
    await entry(books, "5.2.1", "1.1.2", "300.00", day)
    await entry(books, "5.2.2", "1.1.2", "450.00", day)
    return day


async def close(books: Books, day: date, state: str = "done") -> dict[str, Any]:
    """Close the month and wait for the run's end."""
    run = await books.call("POST", "/closes", 202, json={"period": f"{day:%Y-%m}"})
    return await finished(books, run["id"], state)


async def finished(books: Books, close_id: str, state: str = "done") -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def ended() -> bool:
        seen.update(await books.call("GET", f"/closes/{close_id}"))
        return seen["state"] != "running"

    await books.module.wait(ended)
    assert seen["state"] == state, seen
    return seen


async def period_of(books: Books, day: date) -> dict[str, Any]:
    months = await books.call("GET", "/periods")
    return next(month for month in months if month["month"] == day.replace(day=1).isoformat())


async def test_a_close_empties_the_result_accounts_and_writes_the_balances(books: Books) -> None:
    day = await a_month(books)
    run = await close(books, day)
    assert [step["step"] for step in run["steps"] if step["done_at"]] == [
        "checks",
        "accruals",
        "results",
        "balances",
        "period",
    ]
    assert (await period_of(books, day))["state"] == "closed"
    assert await books.balances() == {"bank": Decimal("250.00"), "retained_earnings": Decimal("-250.00")}
    snapshot = await books.module.admin.fetch(
        "SELECT balance FROM balances WHERE company_id = $1", books.company_id
    )
    assert sorted(row["balance"] for row in snapshot) == [-250, 0, 0, 0, 250]
    trial = await books.call("GET", f"/trial-balance?period={day:%Y-%m}")
    assert sum(Decimal(row["debit"]) for row in trial) == sum(Decimal(row["credit"]) for row in trial)


async def test_a_closed_month_takes_no_entry(books: Books) -> None:
    day = await a_month(books)
    await close(books, day)
    chart = {account["code"]: account["id"] for account in await books.call("GET", "/accounts")}
    lines = [{"account_id": chart["1.1.2"], "debit": "1"}, {"account_id": chart["4.1.1"], "credit": "1"}]
    body = {"date": day.isoformat(), "description": "late", "lines": lines}
    refused = await books.call("POST", "/entries", 409, json=body)
    assert refused["type"].endswith("period-closed")


async def test_closing_again_joins_the_close_that_was(books: Books) -> None:
    day = await a_month(books)
    first = await close(books, day)
    period = await period_of(books, day)
    again = await books.call("POST", f"/periods/{period['id']}/close", 202)
    assert again["id"] == first["id"]


async def test_a_draft_stops_the_close_and_the_month_stays_open(books: Books) -> None:
    day = await a_month(books)
    draft = await entry(books, "1.1.2", "4.1.1", "5.00", day, post=False)
    run = await close(books, day, "failed")
    assert "1 draft" in run["problem"]
    assert (await period_of(books, day))["state"] == "open"
    await books.call("DELETE", f"/entries/{draft['id']}", 204)
    await close(books, day)


async def test_an_earlier_open_month_is_closed_first(books: Books) -> None:
    day = await a_month(books)
    earlier = day.replace(day=1) - timedelta(days=1)
    await entry(books, "1.1.2", "4.1.1", "5.00", earlier)
    run = await close(books, day, "failed")
    assert f"{earlier:%Y-%m} is still open" in run["problem"]
    await close(books, earlier)
    await close(books, day)
    balance = (
        "SELECT sum(balance) FROM balances b JOIN accounts a ON a.id = b.account_id WHERE a.role = 'bank'"
    )
    assert await books.module.admin.fetchval(f"{balance} AND b.company_id = $1", books.company_id) == 260


async def test_months_before_a_closed_one_are_closed_too(books: Books) -> None:
    day = await a_month(books)
    await close(books, day)
    earlier = day.replace(day=1) - timedelta(days=40)
    chart = {account["code"]: account["id"] for account in await books.call("GET", "/accounts")}
    lines = [{"account_id": chart["1.1.2"], "debit": "1"}, {"account_id": chart["4.1.1"], "credit": "1"}]
    body = {"date": earlier.isoformat(), "description": "late", "lines": lines}
    assert (await books.call("POST", "/entries", 409, json=body))["type"].endswith("period-closed")


async def test_the_running_month_is_not_closed(books: Books) -> None:
    today = last_month() + timedelta(days=1)
    refused = await books.call("POST", "/closes", 409, json={"period": f"{today:%Y-%m}"})
    assert refused["type"].endswith("period-not-over")


async def test_a_reopened_month_closes_again_to_the_same_balances(books: Books) -> None:
    day = await a_month(books)
    await close(books, day)
    period = await period_of(books, day)
    assert (await books.call("POST", f"/periods/{period['id']}/reopen"))["state"] == "open"
    assert (await books.balances())["revenue"] == Decimal("-1000.00")
    await entry(books, "5.2.1", "1.1.2", "50.00", day)
    await close(books, day)
    assert await books.balances() == {"bank": Decimal("200.00"), "retained_earnings": Decimal("-200.00")}


async def test_a_locked_month_never_opens_again(books: Books) -> None:
    day = await a_month(books)
    period = await period_of(books, day)
    refused = await books.call("POST", f"/periods/{period['id']}/lock", 409)
    assert refused["type"].endswith("period-not-closed")
    await close(books, day)
    assert (await books.call("POST", f"/periods/{period['id']}/lock"))["state"] == "locked"
    await books.call("POST", f"/periods/{period['id']}/reopen", 409)


@pytest.mark.parametrize("stuck_at", ["periods", "entry_lines", "balances", "close_steps"])
async def test_a_close_killed_in_the_middle_is_finished_after_the_restart_and_never_doubled(
    start_financial: Any, stuck_at: str
) -> None:
    books = await start_financial()
    day = await a_month(books)
    blocker = await asyncpg.connect(books.module.admin_dsn)
    await blocker.execute(
        f"BEGIN; LOCK TABLE financial.{stuck_at} IN SHARE MODE"
    )  # writers wait, readers do not
    run = await books.call("POST", "/closes", 202, json={"period": f"{day:%Y-%m}"})
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass"
    await books.module.wait(lambda: books.module.admin.fetchval(waiting, f"financial.{stuck_at}"))
    await books.module.kill()
    await blocker.close()
    await books.module.restart()
    await finished(books, run["id"])
    assert await books.balances() == {"bank": Decimal("250.00"), "retained_earnings": Decimal("-250.00")}
    assert await books.module.admin.fetchval("SELECT count(*) FROM entries WHERE kind = 'close'") == 1
    assert await broken_invariants(books.module.admin) == {}


async def test_money_that_arrives_while_the_month_is_closed_goes_to_the_next_open_one(
    start_financial: Any,
) -> None:
    books = await start_financial()
    await books.paid_order()
    await books.module.admin.execute(
        "UPDATE periods SET state = 'closed', closed_at = now() + interval '1 minute'"
    )
    order_id = await books.paid_order()
    rows = await books.module.admin.fetch(
        """SELECT e.date, p.month, p.state FROM entries e JOIN periods p ON p.id = e.period_id
            WHERE e.source_id = $1""",
        order_id,
    )
    assert [(row["state"], row["date"] == row["month"]) for row in rows] == [("open", True)]
