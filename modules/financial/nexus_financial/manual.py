"""Manual entries: drafted, posted, reversed by people; control accounts are closed to them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
from nexus_kit import Tx, new_id, problem

from . import ledger, periods
from .money import CURRENCY, total

_ACCOUNTS = "SELECT id, code, control, active FROM accounts WHERE company_id = $1 AND id = ANY($2::uuid[])"
_DRAFT = """
INSERT INTO entries (id, company_id, period_id, date, kind, description, currency, total)
VALUES ($1, $2, $3, $4, 'manual', $5, $6, $7)
"""
_LINES = """
INSERT INTO entry_lines (entry_id, position, company_id, account_id, debit, credit)
SELECT $1, position, $2, account_id, debit, credit
  FROM unnest($3::uuid[], $4::numeric[], $5::numeric[]) WITH ORDINALITY AS l (account_id, debit, credit,
         position)
"""
_ENTRY = """
SELECT id, kind, state, description, (SELECT r.id FROM entries r WHERE r.reversal_of = e.id) AS reversal
  FROM entries e WHERE e.company_id = $1 AND e.id = $2 FOR UPDATE OF e
"""
_READ_LINES = "SELECT account_id, debit, credit FROM entry_lines WHERE entry_id = $1 ORDER BY position"

_REFUSALS = {
    "entries_open_period": ("period-closed", "The entry's period is closed. Date it in an open period."),
    "entry_lines_balanced": ("entry-unbalanced", "Debits and credits differ."),
    "entries_immutable": ("entry-posted", "A posted entry never changes: reverse it."),
    "entries_reversal": ("entry-reversed", "The entry is reversed already."),
}


@asynccontextmanager
async def refusals() -> AsyncIterator[None]:
    """Turn the ledger's own refusals (see the migration) into problems with status 409."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        known = _REFUSALS.get(error.constraint_name or "")
        if known is None:
            raise
        raise problem(409, known[0], known[1]) from None


async def draft(
    tx: Tx, company_id: UUID, day: date, description: str, lines: Sequence[tuple[UUID, Decimal, Decimal]]
) -> UUID:
    """Store a draft of (account, debit, credit) lines; returns its id. Problem 422 for unusable accounts."""
    wanted = {account_id for account_id, _, _ in lines}
    accounts = await tx.fetch(_ACCOUNTS, company_id, list(wanted))
    missing = wanted - {account["id"] for account in accounts}
    if missing:
        raise problem(422, "account-not-found", f"There is no account {min(missing)}.", field="lines")
    for account in accounts:
        if account["control"] or not account["active"]:
            why = "mirrors documents and takes no manual entries" if account["control"] else "is not active"
            raise problem(422, "account-not-postable", f"The account {account['code']} {why}.", field="lines")
    entry_id = new_id()
    period_id = await periods.period_of(tx, company_id, day)
    amount = total(debit for _, debit, _ in lines)
    await tx.execute(_DRAFT, entry_id, company_id, period_id, day, description, CURRENCY, amount)
    await tx.execute(_LINES, entry_id, company_id, *map(list, zip(*lines, strict=True)))
    return entry_id


async def _manual(tx: Tx, company_id: UUID, entry_id: UUID) -> Any:
    entry = await tx.fetchrow(_ENTRY, company_id, entry_id)
    if entry is None:
        raise problem(404, "entry-not-found", "There is no such entry.")
    if entry["kind"] != "manual":
        raise problem(
            409, "entry-not-manual", f"This is the entry of a document ({entry['kind']}): act on that."
        )
    return entry


async def post(tx: Tx, company_id: UUID, entry_id: UUID) -> None:
    """Post a draft; posting what is posted changes nothing."""
    entry = await _manual(tx, company_id, entry_id)
    if entry["state"] == "draft":
        await tx.execute("UPDATE entries SET state = 'posted', posted_at = now() WHERE id = $1", entry_id)


async def delete(tx: Tx, company_id: UUID, entry_id: UUID) -> None:
    """Delete a draft with its lines; the database refuses posted ones."""
    await _manual(tx, company_id, entry_id)
    await tx.execute("DELETE FROM entry_lines WHERE entry_id = $1", entry_id)
    await tx.execute("DELETE FROM entries WHERE id = $1", entry_id)


async def reverse(tx: Tx, company_id: UUID, entry_id: UUID) -> UUID:
    """Post the mirror of a posted entry in the open period; returns the reversal's id."""
    entry = await _manual(tx, company_id, entry_id)
    if entry["state"] != "posted":
        raise problem(409, "entry-not-posted", "A draft is deleted, not reversed.")
    if entry["reversal"] is not None:
        raise problem(
            409, "entry-reversed", "The entry is reversed already.", reversal_id=str(entry["reversal"])
        )
    lines = [ledger.Line(*row) for row in await tx.fetch(_READ_LINES, entry_id)]
    mirror = ledger.reversal(entry_id, entry["description"], lines)
    await ledger.post(tx, company_id, await periods.open_posting(tx, company_id), [mirror])
    return mirror.id
