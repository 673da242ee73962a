"""Undoing a close, and locking a month for good."""

from typing import Any
from uuid import UUID

from nexus_kit import Tx, problem

from . import ledger

_PERIOD = "SELECT id, month, state FROM periods WHERE id = $1 AND company_id = $2 FOR UPDATE"
_LATER = """
SELECT min(month) FROM periods WHERE company_id = $1 AND month > $2
       AND state IN ('closing', 'closed', 'locked')
"""
_CLOSE_ENTRY = """
SELECT e.id, e.date, e.description, e.source_id FROM closes c
  JOIN entries e ON e.source_id = c.id AND e.kind = 'close'
 WHERE c.company_id = $1 AND c.period_id = $2
   AND NOT EXISTS (SELECT 1 FROM entries r WHERE r.reversal_of = e.id)
"""
_LINES = "SELECT account_id, debit, credit FROM entry_lines WHERE entry_id = $1 ORDER BY position"


async def locked_period(tx: Tx, company_id: UUID, period_id: UUID) -> Any:
    """The period's row (id, month, state), locked until the transaction ends.

    Problem 404 when there is none.
    """
    period = await tx.fetchrow(_PERIOD, period_id, company_id)
    if period is None:
        raise problem(404, "period-not-found", "There is no such period.")
    return period


async def reopen(tx: Tx, company_id: UUID, period_id: UUID) -> None:
    """Open a closed period again: its closing entries are reversed and its snapshot is dropped."""
    period = await locked_period(tx, company_id, period_id)
    if period["state"] == "open":
        return
    if period["state"] != "closed":
        raise problem(
            409, "period-not-closed", f"The period is {period['state']}; only a closed one reopens."
        )
    later = await tx.fetchval(_LATER, company_id, period["month"])
    if later is not None:
        raise problem(409, "later-period-closed", f"{later:%Y-%m} is closed after it: reopen that one first.")
    await tx.execute("UPDATE periods SET state = 'open', closed_at = NULL WHERE id = $1", period_id)
    entries = []
    for closed in await tx.fetch(_CLOSE_ENTRY, company_id, period_id):
        lines = [ledger.Line(*row) for row in await tx.fetch(_LINES, closed["id"])]
        entries.append(ledger.reversal(closed["id"], closed["description"], lines))
        where = ledger.Posting(period_id, closed["date"])
    if entries:
        await ledger.post(tx, company_id, where, entries)
    await tx.execute("DELETE FROM balances WHERE company_id = $1 AND period_id = $2", company_id, period_id)
    await tx.execute(
        "UPDATE closes SET state = 'undone' WHERE company_id = $1 AND period_id = $2 AND state = 'done'",
        company_id,
        period_id,
    )


async def lock(tx: Tx, company_id: UUID, period_id: UUID) -> None:
    """Lock a closed period for good; it never reopens."""
    period = await locked_period(tx, company_id, period_id)
    if period["state"] == "locked":
        return
    if period["state"] != "closed":
        raise problem(
            409, "period-not-closed", f"The period is {period['state']}: close it before locking it."
        )
    await tx.execute("UPDATE periods SET state = 'locked', locked_at = now() WHERE id = $1", period_id)
