"""/api/financial/entries: journal entries; manual ones are drafted, posted and reversed here."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from nexus_kit import Idempotency, Page, Principal, Tx, idempotency, problem, require
from nexus_kit.paging import Paging, paging
from pydantic import Field, model_validator

from .. import manual
from ..money import LARGEST, ZERO, Amount, total
from ..service import module
from .models import Entry, EntryDetail, EntryLine, Input

router = APIRouter(prefix="/api/financial/entries", tags=["entries"])

_COLUMNS = """
e.id, e.date, e.kind, e.state, e.description, e.currency, e.total, e.source_id, e.reversal_of, e.posted_at,
       e.created_at
"""
_LIST = f"""
SELECT {_COLUMNS} FROM entries e
 WHERE e.company_id = $1 AND ($2::uuid IS NULL OR e.id < $2) AND ($3::text IS NULL OR e.state = $3)
   AND ($4::text IS NULL OR e.kind = $4) AND ($5::uuid IS NULL OR e.source_id = $5)
 ORDER BY e.id DESC LIMIT $6
"""
_ONE = f"SELECT {_COLUMNS} FROM entries e WHERE e.company_id = $1 AND e.id = $2"
_LINES = """
SELECT l.account_id, a.code AS account_code, l.debit, l.credit
       FROM entry_lines l JOIN accounts a ON a.id = l.account_id
 WHERE l.entry_id = $1 ORDER BY l.position
"""

Reader = Annotated[Principal, Depends(require("financial.entry.read"))]
Writer = Annotated[Principal, Depends(require("financial.entry.write"))]
Idem = Annotated[Idempotency, Depends(idempotency)]


class NewLine(Input):
    """One side: give either debit or credit."""

    account_id: UUID
    debit: Amount | None = None
    credit: Amount | None = None

    @model_validator(mode="after")
    def one_side(self) -> "NewLine":
        """Refuse both sides or none."""
        if (self.debit is None) == (self.credit is None):
            raise ValueError("give either debit or credit")
        return self


class NewEntry(Input):
    """A draft; debits must equal credits."""

    date: Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 12, 31))]
    description: Annotated[str, Field(min_length=1, max_length=200)]
    lines: Annotated[list[NewLine], Field(min_length=2, max_length=200)]

    @model_validator(mode="after")
    def balanced(self) -> "NewEntry":
        """Refuse what does not balance."""
        debits = sum((line.debit for line in self.lines if line.debit), ZERO)
        credits = sum((line.credit for line in self.lines if line.credit), ZERO)
        if debits != credits:
            raise ValueError(f"debits {debits} and credits {credits} differ")
        if debits > LARGEST:
            raise ValueError("the total is too large")
        return self


async def read_entry(tx: Tx, company_id: UUID, entry_id: UUID) -> EntryDetail:
    """One entry with its lines. Problem 404 when there is none."""
    row = await tx.fetchrow(_ONE, company_id, entry_id)
    if row is None:
        raise problem(404, "entry-not-found", "There is no such entry.")
    return EntryDetail(**row, lines=[EntryLine(**line) for line in await tx.fetch(_LINES, entry_id)])


@router.get("", response_model=Page[Entry])
async def list_entries(
    who: Reader,
    page: Annotated[Paging, Depends(paging)],
    state: Literal["draft", "posted"] | None = None,
    kind: Annotated[str | None, Query(pattern="^[a-z_]{1,20}$")] = None,
    source_id: UUID | None = None,
) -> Any:
    """Entries, newest first; `source_id` is the document (invoice, payment, ...) that caused them."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(
            _LIST, who.company_id, page.value(0, UUID), state, kind, source_id, page.limit + 1
        )
    return page.page(rows, "id")


@router.get("/{entry_id}")
async def get_entry(entry_id: UUID, who: Reader) -> EntryDetail:
    """One entry with its lines."""
    async with module.db.read(who.company_id) as tx:
        return await read_entry(tx, who.company_id, entry_id)


@router.post("", status_code=201, response_model=EntryDetail)
async def draft_entry(body: NewEntry, who: Writer, idem: Idem) -> Response:
    """Draft a manual entry."""
    lines = [
        (line.account_id, total([line.debit or ZERO]), total([line.credit or ZERO])) for line in body.lines
    ]
    async with manual.refusals(), module.db.write(who, idem) as tx:
        entry_id = await manual.draft(tx, who.company_id, body.date, body.description, lines)
        return tx.respond(201, await read_entry(tx, who.company_id, entry_id))


@router.delete("/{entry_id}", status_code=204)
async def delete_draft(entry_id: UUID, who: Writer, idem: Idem) -> Response:
    """Delete a draft."""
    async with manual.refusals(), module.db.write(who, idem) as tx:
        await manual.delete(tx, who.company_id, entry_id)
        return tx.respond(204)


@router.post("/{entry_id}/post", response_model=EntryDetail)
async def post_entry(entry_id: UUID, who: Writer, idem: Idem) -> Response:
    """Post a draft; from then on it never changes."""
    async with manual.refusals(), module.db.write(who, idem) as tx:
        await manual.post(tx, who.company_id, entry_id)
        return tx.respond(200, await read_entry(tx, who.company_id, entry_id))


@router.post("/{entry_id}/reverse", status_code=201, response_model=EntryDetail)
async def reverse_entry(entry_id: UUID, who: Writer, idem: Idem) -> Response:
    """Reverse a posted manual entry, dated today. Other entries are reversed through their document."""
    async with manual.refusals(), module.db.write(who, idem) as tx:
        reversal_id = await manual.reverse(tx, who.company_id, entry_id)
        return tx.respond(201, await read_entry(tx, who.company_id, reversal_id))
