"""The months of the books: close them step by step, lock them, open them again."""

from __future__ import annotations

import asyncio
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.visit import SignedIn, Visit

router = APIRouter(prefix="/closes")


@router.get("")
async def listing(visit: SignedIn) -> Response:
    """All months, and the closes that ran."""
    periods, runs = await asyncio.gather(
        visit.api.get("/api/financial/periods"), visit.api.part("/api/financial/closes", limit=50)
    )
    latest: dict[str, object] = {}
    for run in runs.items:
        latest.setdefault(run["period_id"], run)
    return visit.render("closes/list.html", periods=periods, latest=latest)


@router.post("")
async def start(visit: SignedIn) -> Response:
    """Start a month's close, or join the one under way."""
    period = visit.form.text("period")[:7]
    outcome = await visit.submit("POST", "/api/financial/closes", {"period": period})
    if not outcome:
        return visit.go("/closes", outcome.problem, "bad")
    return visit.go(f"/closes/{outcome.data['id']}")


@router.get("/{run}")
async def detail(visit: SignedIn, run: UUID) -> Response:
    """A close, step by step; asks for itself again while it runs."""
    data = await visit.api.get(f"/api/financial/closes/{run}")
    return visit.render("closes/steps.html" if visit.fragment else "closes/detail.html", run=data)


@router.post("/periods/{period}/lock")
async def lock(visit: SignedIn, period: UUID) -> Response:
    """Lock a closed month for good."""
    return await change(visit, period, "lock")


@router.post("/periods/{period}/reopen")
async def reopen(visit: SignedIn, period: UUID) -> Response:
    """Open a closed month again."""
    return await change(visit, period, "reopen")


async def change(visit: Visit, period: UUID, verb: str) -> Response:
    """Tell financial, and show the months again."""
    path = f"/api/financial/periods/{period}/{verb}"
    return await visit.act("POST", path, "/closes", visit.t(f"closes.did_{verb}"))
