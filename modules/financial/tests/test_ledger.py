"""The database refuses what would falsify the books, whoever asks; here as the module's own role, in SQL."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest
from nexus_kit import new_id

from .conftest import Books

ENTRY = """
INSERT INTO entries (id, company_id, period_id, date, kind, description, total, state, posted_at)
VALUES ($1, $2, $3, now()::date, 'manual', 'by hand', $4, 'posted', now())
"""
LINES = """
INSERT INTO entry_lines (entry_id, position, company_id, account_id, debit, credit)
SELECT $1, position, $2, account_id, debit, credit
  FROM unnest($3::uuid[], $4::numeric[], $5::numeric[])
       WITH ORDINALITY AS l (account_id, debit, credit, position)
"""


class Ledger:
    """Raw access to the ledger of one company."""

    def __init__(self, connection: Any, books: Books, accounts: list[UUID], period: UUID) -> None:
        self.sql = connection
        self.company_id = books.company_id
        self.accounts = accounts
        self.period = period

    async def entry(self, debit: str = "10.00", credit: str = "10.00", total: str = "10.00") -> UUID:
        entry_id = new_id()
        async with self.sql.transaction():
            await self.sql.execute(ENTRY, entry_id, self.company_id, self.period, total)
            await self.sql.execute(
                LINES, entry_id, self.company_id, self.accounts, [debit, "0"], ["0", credit]
            )
        return entry_id


@pytest.fixture
async def raw(books: Books, as_role: Any) -> Ledger:
    chart = await books.call("GET", "/accounts")
    periods = await books.call("GET", "/periods")
    free = [UUID(account["id"]) for account in chart if not account["control"]]
    return Ledger(as_role, books, free[:2], UUID(periods[0]["id"]))


class Refusal:
    """Expect a check violation of the named constraint."""

    def __init__(self, constraint: str) -> None:
        self.constraint = constraint

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, _: Any) -> bool:
        assert isinstance(error, asyncpg.CheckViolationError), error
        assert error.constraint_name == self.constraint, error
        return True


async def test_a_balanced_entry_is_taken(raw: Ledger) -> None:
    entry_id = await raw.entry()
    assert await raw.sql.fetchval("SELECT sum(debit) FROM entry_lines WHERE entry_id = $1", entry_id) == 10


@pytest.mark.parametrize(
    ("debit", "credit", "total"),
    [("10.00", "9.99", "10.00"), ("10.00", "10.00", "11.00"), ("9.99", "10.00", "9.99")],
)
async def test_an_unbalanced_entry_is_refused(raw: Ledger, debit: str, credit: str, total: str) -> None:
    with Refusal("entry_lines_balanced"):
        await raw.entry(debit, credit, total)


async def test_a_posted_entry_without_lines_is_refused_at_commit(raw: Ledger) -> None:
    with Refusal("entries_have_lines"):
        await raw.sql.execute(ENTRY, new_id(), raw.company_id, raw.period, "10.00")


async def test_lines_added_later_are_refused_even_when_balanced(raw: Ledger) -> None:
    entry_id = await raw.entry()
    later = LINES.replace("$1, position", "$1, position + 2")
    with Refusal("entry_lines_balanced"):
        await raw.sql.execute(later, entry_id, raw.company_id, raw.accounts, ["10.00", "0"], ["0", "10.00"])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET total = 1 WHERE id = $1",
        "UPDATE entries SET state = 'draft', posted_at = NULL WHERE id = $1",
        "UPDATE entries SET description = 'another' WHERE id = $1",
        "DELETE FROM entries WHERE id = $1",
        "UPDATE entry_lines SET debit = debit * 2, credit = credit * 2 WHERE entry_id = $1",
        "DELETE FROM entry_lines WHERE entry_id = $1",
    ],
)
async def test_a_posted_entry_never_changes(raw: Ledger, statement: str) -> None:
    entry_id = await raw.entry()
    with Refusal("entries_immutable"):
        await raw.sql.execute(statement, entry_id)


@pytest.mark.parametrize("table", ["entries", "entry_lines", "invoices", "payments"])
async def test_the_role_may_not_empty_a_table(raw: Ledger, table: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await raw.sql.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("table", ["invoices", "payments", "credit_notes", "refunds", "orders", "periods"])
async def test_documents_are_never_deleted(raw: Ledger, table: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await raw.sql.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize("state", ["closing", "closed", "locked"])
async def test_nothing_enters_a_period_that_is_not_open(raw: Ledger, books: Books, state: str) -> None:
    await books.module.admin.execute(
        """UPDATE periods SET state = $2, closed_at = CASE WHEN $2 IN ('closed', 'locked') THEN now() END,
                  locked_at = CASE WHEN $2 = 'locked' THEN now() END WHERE id = $1""",
        raw.period,
        state,
    )
    with Refusal("entries_open_period"):
        await raw.entry()


async def test_an_entry_belongs_to_the_month_it_is_dated_in(raw: Ledger) -> None:
    dated = ENTRY.replace("now()::date", "now()::date - 40")
    with Refusal("entries_open_period"):
        await raw.sql.execute(dated, new_id(), raw.company_id, raw.period, "10.00")


async def test_lines_cannot_use_another_companys_accounts(raw: Ledger, books: Books) -> None:
    stranger = Books(books.module)
    foreign = UUID((await stranger.call("GET", "/accounts"))[0]["id"])
    raw.accounts = [raw.accounts[0], foreign]
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await raw.entry()


async def test_a_company_sees_nothing_of_another(raw: Ledger, books: Books) -> None:
    stranger = Books(books.module)
    await stranger.paid_order()
    tables = await books.module.admin.fetch(
        """SELECT table_name FROM information_schema.columns
            WHERE table_schema = 'financial' AND column_name = 'company_id' AND table_name <> 'orders'"""
    )
    for table in [row["table_name"] for row in tables] + ["orders"]:
        others = await raw.sql.fetchval(
            f"SELECT count(*) FROM {table} WHERE company_id <> $1", raw.company_id
        )
        assert others == 0, table
    for table in ("psp_charges", "psp_pix", "pix_notices", "pix_cursor"):
        assert await raw.sql.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_a_company_cannot_write_rows_of_another(raw: Ledger) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await raw.sql.execute("INSERT INTO number_series VALUES ($1, 'invoice', 7)", new_id())
