"""One takeover on a Swarm from its decision to its report: asked for, by itself, or taken up again."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

from nexus.control.addresses import Refused
from nexus.control.progress import step_told
from nexus.control.standby.actions import connected
from nexus.control.standby.nodes.record import Kept
from nexus.control.standby.nodes.seat import NodeSeat
from nexus.control.standby.nodes.taking_over import TakingOver
from nexus.control.standby.nodes.watching import Watching
from nexus.control.standby.outcomes import joined, told
from nexus.control.standby.record import Ended
from nexus.control.standby.requests import FailoverRequest
from nexus.control.standby.watching import UNANSWERED
from nexus.control.turn import Emit
from nexus.plans import Journal, Outcome, StepEvent, execute
from nexus.runtimes.containers.managers import Node
from nexus.runtimes.protocol import StartError
from nexus.standby.nodes import MoveElsewhere, plan_move
from nexus.standby.replication import look

ITSELF = "the control loop"
log = logging.getLogger("nexus.control")


class Moving:
    """Moves the primary to the standby's node."""

    def __init__(self, seat: NodeSeat, watching: Watching, journal: Journal) -> None:
        self._seat = seat
        self._watching = watching
        self._journal = journal

    async def by_operator(self, asked: FailoverRequest, emit: Emit) -> None:
        """As `nexus failover` asks for.

        Raises:
            Refused: there is no standby, or what it lacks would be lost.
        """
        seat = self._seat
        async with seat.lock, seat.keeper.acting_on(seat.database.name):
            kept, holder = seat.records.kept, await seat.holder()
            if kept.placed.follower is None:
                raise Refused("there is no standby to take over; add one with `nexus standby add`")
            if not kept.moving:
                await self._fit(kept, holder, asked.force)
                kept = _decided(kept, f"asked by {asked.who}", asked.force)
            plan = plan_move(self._move(kept, holder))
            emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
            if asked.plan_only:
                return
            outcome, more = await self._execute(kept, holder, asked.who, emit)
        emit(told(outcome, more))

    async def by_itself(self, cause: str) -> None:
        """Because the primary is gone, or because a move was begun and cut short.

        Raises:
            StartError: the standby did not take over; says what is.
        """
        seat = self._seat
        async with seat.lock, seat.keeper.acting_on(seat.database.name):
            kept, holder = seat.records.kept, await seat.holder()
            if kept.placed.follower is None:
                return
            log.warning("%s: the standby takes over", cause)
            kept = kept if kept.moving else _decided(kept, cause, False)
            outcome, more = await self._execute(kept, holder, ITSELF, lambda event: None)
        if outcome.exit_code:
            raise StartError(joined(outcome, more))

    async def _execute(self, kept: Kept, holder: Node | None, who: str, emit: Emit) -> tuple[Outcome, str]:
        seat = self._seat
        plan, taking = plan_move(self._move(kept, holder)), TakingOver(seat, holder, kept.waited_for)
        since, served = self._watching.away_at or kept.since, list[float]()
        seat.records.kept = kept

        def tell(event: StepEvent) -> None:
            if event.kind == "done" and event.step.action == "verify":
                served.append(time.time())
            emit(step_told(event))

        outcome = await execute(plan, taking.all(), self._journal, who, tell, asyncio.Event())
        if not served:
            return outcome, await taking.undo(outcome.sentence())
        written = self._watching.last_written()
        missing: int | None = None  # what the old primary wrote after the last look, only its disk tells
        if kept.waited_for and written is not None and taking.has:
            missing = max(0, written - taking.has)
        kind, decision = "failover", kept.placed.decision
        seconds = served[0] - since
        ended = Ended(time.time(), kind, decision, kept.moving, None, missing, kept.waited_for, seconds)
        seat.records.note(last=ended)
        emit({"event": "took_over", **vars(ended)})
        log.warning("the standby took over after %.1f s (decision %d)", seconds, decision)
        return outcome, ""

    def _move(self, kept: Kept, holder: Node | None) -> MoveElsewhere:
        follower, where = kept.placed.follower, holder.host if holder else "its node"
        assert follower is not None
        decision, volume = kept.placed.decision, follower.volume
        name = self._seat.database.name
        return MoveElsewhere(name, where, follower.host, volume, decision, kept.moving, kept.forced)

    async def _fit(self, kept: Kept, holder: Node | None, force: bool) -> None:
        """Whether nothing acknowledged is lost, as far as can be known, and the old primary cannot go on.

        Raises:
            Refused: it would be, or may be.
        """
        seat = self._seat
        try:
            async with connected(seat.url(seat.follower.port)) as standby:
                follows = await standby.fetchval("SELECT pg_is_in_recovery()")
        except UNANSWERED as error:
            raise Refused(
                f"the standby on {seat.follower.host} does not answer ({error or type(error).__name__}), so "
                "it cannot take over; see `nexus standby status`"
            ) from error
        if not follows:
            raise Refused(f"the standby on {seat.follower.host} is a primary; `nexus standby remove` it")
        if kept.waited_for or force:
            return
        cut_off = holder is None or not holder.ready
        try:
            async with connected(seat.url()) as primary:
                seen = await look(primary)
        except UNANSWERED as error:
            where = "and its node is cut off, so that it may still acknowledge; " if cut_off else ""
            raise Refused(
                f"the primary does not answer, {where}commits did not wait for the standby: what it lacks is "
                "lost; `--force` takes over all the same"
            ) from error
        if not seen.streams:
            raise Refused("the standby does not follow the primary now; wait for `nexus standby status`")


def _decided(kept: Kept, cause: str, forced: bool) -> Kept:
    placed = replace(kept.placed, decision=kept.placed.decision + 1, stopped=True)
    return replace(kept, placed=placed, moving=cause, since=time.time(), forced=forced, promoted=False)
