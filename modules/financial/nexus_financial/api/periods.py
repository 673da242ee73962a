"""/api/financial/periods: open, closed and locked months."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from nexus_kit import Idempotency, Principal, Tx, idempotency, require

from .. import closing, periods, reopening
from ..service import module
from .closes import Close, read_close
from .models import Period

router = APIRouter(prefix="/api/financial/periods", tags=["periods"])

_LIST = """
SELECT id, month, state, closed_at, locked_at FROM periods WHERE company_id = $1 ORDER BY month DESC
"""
_ONE = "SELECT id, month, state, closed_at, locked_at FROM periods WHERE company_id = $1 AND id = $2"

Writer = Annotated[Principal, Depends(require("financial.period.write"))]
Idem = Annotated[Idempotency, Depends(idempotency)]


@router.get("")
async def list_periods(who: Annotated[Principal, Depends(require("financial.entry.read"))]) -> list[Period]:
    """All months of the books, newest first."""
    async with module.db.transaction(who.company_id) as tx:
        await periods.period_of(tx, who.company_id, periods.books_today())
        return [Period(**row) for row in await tx.fetch(_LIST, who.company_id)]


@router.post("/{period_id}/close", status_code=202, response_model=Close)
async def close_period(period_id: UUID, who: Writer, idem: Idem) -> Response:
    """Start the month-end close of the period, or join the one under way; follow it at /closes/{id}."""
    async with module.db.write(who, idem) as tx:
        period = await reopening.locked_period(tx, who.company_id, period_id)
        close_id = await closing.start(tx, who.company_id, period, who.user_id)
        return tx.respond(202, await read_close(tx, who.company_id, close_id))


@router.post("/{period_id}/lock", response_model=Period)
async def lock_period(period_id: UUID, who: Writer, idem: Idem) -> Response:
    """Lock a closed period for good."""
    async with module.db.write(who, idem) as tx:
        await reopening.lock(tx, who.company_id, period_id)
        return await _answer(tx, who.company_id, period_id)


@router.post("/{period_id}/reopen", response_model=Period)
async def reopen_period(period_id: UUID, who: Writer, idem: Idem) -> Response:
    """Open a closed period again; its closing entry is reversed."""
    async with module.db.write(who, idem) as tx:
        await reopening.reopen(tx, who.company_id, period_id)
        return await _answer(tx, who.company_id, period_id)


async def _answer(tx: Tx, company_id: UUID, period_id: UUID) -> Response:
    return tx.respond(200, Period(**await tx.fetchrow(_ONE, company_id, period_id)))
