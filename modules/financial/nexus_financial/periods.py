"""Accounting periods: one per month, created when first needed; automatic postings go to an open one."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from nexus_kit import Tx

from .ledger import Posting
from .service import settings

_OPEN = """
SELECT id, month FROM periods
 WHERE company_id = $1 AND month >= $2 AND state = 'open' ORDER BY month LIMIT 1 FOR SHARE
"""
_NEXT = """
INSERT INTO periods (company_id, month)
SELECT $1, (max(month) + interval '1 month')::date FROM periods WHERE company_id = $1
ON CONFLICT DO NOTHING
"""
# A month before a closed one was closed with it, even if nobody had ever asked for it.
_ENSURE = """
INSERT INTO periods (company_id, month, state, closed_at)
SELECT $1, $2::date, CASE WHEN later IS NULL THEN 'open' ELSE 'closed' END, later
  FROM (SELECT min(closed_at) AS later FROM periods
         WHERE company_id = $1 AND month > $2 AND state IN ('closed', 'locked')) p
ON CONFLICT (company_id, month) DO NOTHING
"""


def books_today() -> date:
    """Today on the company's books (they keep local, not UTC, days)."""
    return (datetime.now(UTC) + settings.books_offset).date()


def first_of_month(day: date) -> date:
    """The first day of `day`'s month, which names its period."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after `month`."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


async def open_posting(tx: Tx, company_id: UUID) -> Posting:
    """Where an automatic entry goes today: this month, or the next open one when it is closed already.

    The period is locked against closing until the transaction ends.
    """
    today = books_today()
    month = first_of_month(today)
    while True:
        row = await tx.fetchrow(_OPEN, company_id, month)
        if row is not None and row["month"] == month:
            return Posting(row["id"], today)
        if await tx.execute(_ENSURE, company_id, month) == "INSERT 0 1":
            continue  # this month had no period yet
        if row is not None:
            return Posting(row["id"], row["month"])
        await tx.execute(_NEXT, company_id)


async def period_of(tx: Tx, company_id: UUID, day: date) -> UUID:
    """The id of `day`'s period, created open when there is none. Its state is for the database to judge."""
    month = first_of_month(day)
    found = await tx.fetchval(
        "SELECT id FROM periods WHERE company_id = $1 AND month = $2", company_id, month
    )
    if found is None:
        await tx.execute(_ENSURE, company_id, month)
        found = await tx.fetchval(
            "SELECT id FROM periods WHERE company_id = $1 AND month = $2", company_id, month
        )
    return UUID(str(found))
