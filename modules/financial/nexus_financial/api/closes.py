"""/api/financial/closes: month-end closes and how far they are."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Page, Principal, Tx, idempotency, problem, require
from nexus_kit.paging import Paging, paging
from pydantic import BaseModel, Field

from .. import closing, periods, reopening
from ..service import module
from .models import Input

router = APIRouter(prefix="/api/financial/closes", tags=["closes"])

_ONE = """
SELECT c.id, c.period_id, p.month, c.state, c.problem, c.created_at, c.finished_at
  FROM closes c JOIN periods p ON p.id = c.period_id WHERE c.company_id = $1 AND c.id = $2
"""
_LIST = """
SELECT c.id, c.period_id, p.month, c.state, c.problem, c.created_at, c.finished_at
  FROM closes c JOIN periods p ON p.id = c.period_id
 WHERE c.company_id = $1 AND ($2::uuid IS NULL OR c.id < $2) ORDER BY c.id DESC LIMIT $3
"""
_STEPS_OF = """
SELECT close_id, step, detail, done_at FROM close_steps WHERE close_id = ANY($1::uuid[]) ORDER BY done_at
"""


class NewClose(Input):
    """Which month to close."""

    period: Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-10"])]


class CloseStep(BaseModel):
    """A step of the close; `done_at` is null while it is still to be done."""

    step: str
    done_at: datetime | None
    detail: dict[str, Any] | None


class Close(BaseModel):
    """A month-end close."""

    id: UUID
    period_id: UUID
    month: date
    state: Literal["running", "done", "failed", "undone"]
    problem: str | None
    created_at: datetime
    finished_at: datetime | None
    steps: list[CloseStep]


async def with_steps(tx: Tx, rows: list[Any]) -> list[Close]:
    """The closes with all their steps, done or not."""
    done: dict[tuple[UUID, str], Any] = {
        (step["close_id"], step["step"]): step
        for step in await tx.fetch(_STEPS_OF, [row["id"] for row in rows])
    }
    closes = []
    for row in rows:
        marks = [(name, done.get((row["id"], name))) for name in closing.STEPS]
        steps = [
            CloseStep(step=name, done_at=mark and mark["done_at"], detail=mark and mark["detail"])
            for name, mark in marks
        ]
        closes.append(Close(**row, steps=steps))
    return closes


async def read_close(tx: Tx, company_id: UUID, close_id: UUID) -> Close:
    """One close. Problem 404 when there is none."""
    rows = await tx.fetch(_ONE, company_id, close_id)
    if not rows:
        raise problem(404, "close-not-found", "There is no such close.")
    return (await with_steps(tx, rows))[0]


@router.post("", status_code=202, response_model=Close)
async def start_close(
    body: NewClose,
    who: Annotated[Principal, Depends(require("financial.close.write"))],
    idem: Annotated[Idempotency, Depends(idempotency)],
) -> Response:
    """Start the close of a month, or join the one under way. It goes on by itself, also after a crash."""
    async with module.db.write(who, idem) as tx:
        period_id = await periods.period_of(tx, who.company_id, date.fromisoformat(f"{body.period}-01"))
        period = await reopening.locked_period(tx, who.company_id, period_id)
        close_id = await closing.start(tx, who.company_id, period, who.user_id)
        return tx.respond(202, await read_close(tx, who.company_id, close_id))


@router.get("", response_model=Page[Close])
async def list_closes(
    who: Annotated[Principal, Depends(require("financial.close.write", "financial.entry.read"))],
    page: Annotated[Paging, Depends(paging)],
) -> Any:
    """All closes, newest first."""
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(_LIST, who.company_id, page.value(0, UUID), page.limit + 1)
        found = page.page(rows, "id", item=lambda row: row)
        found["items"] = await with_steps(tx, found["items"])
        return found


@router.get("/{close_id}")
async def get_close(
    close_id: UUID,
    who: Annotated[Principal, Depends(require("financial.close.write", "financial.entry.read"))],
) -> Close:
    """One close and its steps."""
    async with module.db.read(who.company_id) as tx:
        return await read_close(tx, who.company_id, close_id)
