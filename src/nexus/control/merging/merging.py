"""Rows of an earlier time back into the living stack, as one operation: it restores that time beside,
compares, shows what it would do, and does it in one transaction, with the journal and the audit trail.

What was compared lies on the disk until it is merged: an operator who looked at it merges exactly that, and
rows that somebody changed meanwhile are kept. Killed at any point, nothing is half done; the same command
begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from nexus.control.deploying.trail import Trail
from nexus.control.merging.acting import Acting, planned
from nexus.control.merging.comparing import compared, seen, spool_of
from nexus.control.merging.recording import meant, reason_of
from nexus.control.merging.requests import RowsRequest
from nexus.control.migrating.telling import outcome
from nexus.control.progress import step_told
from nexus.control.restoring import reading
from nexus.control.restoring.engine import url_of
from nexus.control.restoring.restoring import INTERRUPTED, saying
from nexus.control.turn import Emit, Turn
from nexus.plans import Outcome, StepEvent, execute
from nexus.recovery.merging.difference import Difference
from nexus.runtimes.protocol import StartError

if TYPE_CHECKING:
    from nexus.control.world import World

T = TypeVar("T")


class Merging:
    """The merges of one stack."""

    def __init__(self, world: World, turn: Turn) -> None:
        self._world = world
        self._turn = turn
        self._trail = Trail(world.home.database)
        self._work: set[asyncio.Task[Any]] = set()

    async def rows(self, asked: RowsRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Compares, or takes what was compared; then merges, unless only a plan is asked for.

        Raises:
            Refused: it cannot be; nothing was changed.
        """
        if asked.forget:
            seen(self._world.home, asked)
            spool_of(self._world.home, asked.stamp).remove()
            emit(outcome("done", "the comparison is deleted", 0))
            return
        if asked.plan_only:
            await self._planned(asked, emit)
            return
        async with self._turn.taken(f"restore of rows by {asked.who}", emit):
            reading.refuse_deployment(self._world)
            stamp, found = await self._planned(asked, emit)
            if not found.written:
                spool_of(self._world.home, stamp).remove()
                emit(outcome("nothing to do", "nothing to bring back: no row was written", 0))
                return
            await self._carry_out(asked, stamp, found, emit, stop)

    async def interrupt(self) -> None:
        """The control loop ends: what runs is cut short, and rolled back."""
        working = tuple(self._work)
        for each in working:
            each.cancel()
        if working:
            await asyncio.wait(working)

    def close(self) -> None:
        """Lets go of the files."""
        self._trail.close()

    async def _planned(self, asked: RowsRequest, emit: Emit) -> tuple[str, Difference]:
        stack, home = reading.kept_site(self._world).stack, self._world.home
        if asked.stamp:
            stamp, found = asked.stamp, seen(home, asked)
        else:
            stamp, found = await self._interruptible(compared(stack, home, asked, saying(emit)))
        plan = planned(stack, found)
        told = {"stamp": stamp, "rows": str(spool_of(home, stamp).rows), **found.as_dict()}
        emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text(), "difference": told})
        return stamp, found

    async def _interruptible(self, work: Coroutine[Any, Any, T]) -> T:
        """What `interrupt` can cut short. Raises StartError when it did."""
        task = asyncio.create_task(work)
        self._work.add(task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            raise StartError("interrupted: the control loop ends; run the same command again") from None
        finally:
            self._work.discard(task)

    async def _carry_out(
        self, asked: RowsRequest, stamp: str, found: Difference, emit: Emit, stop: asyncio.Event
    ) -> None:
        stack, home = reading.kept_site(self._world).stack, self._world.home
        spool = spool_of(home, stamp)
        acting = Acting(stack, asked, found, spool, url_of(stack, home) or "", saying(emit))
        plan = planned(stack, found)
        what = f"rows of {found.module} back as of {found.reached} ({meant(found)})"
        reason = reason_of(asked)
        self._trail.add(asked.who, f"{what}: asked for", (found.module,), reason)

        def tell(event: StepEvent) -> None:
            emit(step_told(event))

        running = execute(plan, acting.actions(), self._world.journal, asked.who, tell, stop)
        try:
            ended: Outcome = await self._interruptible(running)
        except StartError as error:
            self._trail.add(asked.who, f"{what}: interrupted", (found.module,))
            emit(outcome("interrupted", str(error), INTERRUPTED))
            return
        sentence = acting.merged.sentence() if acting.merged and ended.state == "done" else ended.sentence()
        self._trail.add(asked.who, f"{what}: {sentence}", (found.module,), reason)
        told = {} if acting.merged is None else {"merged": asdict(acting.merged)}
        emit(outcome(ended.state, sentence, ended.exit_code, notes=acting.said, point=acting.point, **told))
        if ended.state == "done":
            spool.remove()
