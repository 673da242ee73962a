"""Journal entries as values, and the one statement that posts any number of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from nexus_kit import Tx, new_id

from .money import CURRENCY, ZERO, total


class Posting(NamedTuple):
    """Where an entry goes: an open period (held open until commit) and a date within it."""

    period_id: UUID
    date: date


@dataclass(frozen=True, slots=True)
class Line:
    """One side of an entry; exactly one of debit and credit is above zero."""

    account_id: UUID
    debit: Decimal = ZERO
    credit: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Entry:
    """A balanced entry ready to be posted. `source_id` is the document that caused it (see the migration)."""

    id: UUID
    kind: str
    source_id: UUID | None
    description: str
    lines: tuple[Line, ...]
    reversal_of: UUID | None = None

    @property
    def total(self) -> Decimal:
        """The sum of its debits."""
        return total(line.debit for line in self.lines)


def transfer(
    kind: str,
    source_id: UUID,
    description: str,
    amount: Decimal,
    *,
    debit: UUID,
    credit: UUID,
    reversal_of: UUID | None = None,
) -> Entry:
    """The usual entry: `amount` from the account `credit` to the account `debit`."""
    lines = (Line(debit, debit=amount), Line(credit, credit=amount))
    return Entry(new_id(), kind, source_id, description, lines, reversal_of)


def imbalance(lines: Iterable[Line]) -> Decimal:
    """Debits minus credits: zero for an entry that may be posted."""
    return total(line.debit - line.credit for line in lines)


def mirrored(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The same lines with debit and credit exchanged: what a reversal posts."""
    return tuple(Line(line.account_id, debit=line.credit, credit=line.debit) for line in lines)


def reversal(entry_id: UUID, description: str, lines: Iterable[Line]) -> Entry:
    """The entry that undoes another one."""
    return Entry(new_id(), "reversal", None, f"Reversal: {description}", mirrored(lines), entry_id)


_POST = """
WITH posted AS (
    INSERT INTO entries (id, company_id, period_id, date, currency, state, posted_at,
                         kind, source_id, reversal_of, description, total)
    SELECT e.id, $1, $2, $3, $4, 'posted', now(), e.kind, e.source_id, e.reversal_of, e.description, e.total
      FROM unnest($5::uuid[], $6::text[], $7::uuid[], $8::uuid[], $9::text[], $10::numeric[])
           AS e (id, kind, source_id, reversal_of, description, total))
INSERT INTO entry_lines (entry_id, position, company_id, account_id, debit, credit)
SELECT l.entry_id, l.position, $1, l.account_id, l.debit, l.credit
  FROM unnest($11::uuid[], $12::smallint[], $13::uuid[], $14::numeric[], $15::numeric[])
       AS l (entry_id, position, account_id, debit, credit)
"""


async def post(tx: Tx, company_id: UUID, where: Posting, entries: Sequence[Entry]) -> None:
    """Post the entries with one statement. The database refuses unbalanced ones and closed periods."""
    if not entries:
        return
    ids: list[UUID] = []
    positions: list[int] = []
    accounts: list[UUID] = []
    debits: list[Decimal] = []
    credits: list[Decimal] = []
    for entry in entries:
        for position, line in enumerate(entry.lines, 1):
            ids.append(entry.id)
            positions.append(position)
            accounts.append(line.account_id)
            debits.append(line.debit)
            credits.append(line.credit)
    await tx.execute(
        _POST,
        company_id,
        where.period_id,
        where.date,
        CURRENCY,
        [entry.id for entry in entries],
        [entry.kind for entry in entries],
        [entry.source_id for entry in entries],
        [entry.reversal_of for entry in entries],
        [entry.description for entry in entries],
        [entry.total for entry in entries],
        ids,
        positions,
        accounts,
        debits,
        credits,
    )
