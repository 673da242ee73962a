"""The deployment that is under way: begun, carried to its end, recorded; or taken up after a crash."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from nexus.control.deploying import ending
from nexus.control.deploying.carrying import Carrying
from nexus.control.deploying.ending import Ending
from nexus.control.deploying.hands import Hands
from nexus.control.deploying.intending import Intents
from nexus.control.deploying.intent import Intent
from nexus.control.deploying.judging import Judge
from nexus.control.deploying.record import Record
from nexus.control.deploying.reports import Reports
from nexus.control.deploying.rollout import Rollout
from nexus.control.deploying.telling import instances_told
from nexus.control.deploying.trail import Trail
from nexus.control.turn import Emit, Turn

if TYPE_CHECKING:
    from nexus.control.world import World
    from nexus.releases.records import Deployment

log = logging.getLogger("nexus.control")
Course = Callable[[Carrying], Awaitable[Ending]]
TAKEN_UP = frozenset({"deploy", "rollback", "upgrade"})


class Conducting:
    """At most one deployment at a time; whoever calls holds the turn, but for `take_up`, which takes it."""

    def __init__(self, world: World, turn: Turn, intents: Intents, trail: Trail) -> None:
        self._world = world
        self._turn = turn
        self._intents = intents
        self._trail = trail
        self._reports = Reports(world, trail)
        self._judge = Judge(world)
        self._work: asyncio.Task[Any] | None = None
        self.rollout: Rollout | None = None

    async def begin(self, intent: Intent, who: str, wish: dict[str, Any], emit: Emit) -> None:
        """Begins a deployment and carries it to its end."""
        self._call_healthy(intent)
        for release in intent.releases:
            self._world.catalogue.add(release)
        for what, reason in intent.exceptions.items():
            self._trail.add(who, what, intent.services, reason)
        self._trail.add(who, intent.kind, intent.services)
        await self._carry(self._recorded(intent, who, intent.why, wish), intent, emit, Carrying.forward)

    async def go_on(self, stuck: Deployment, who: str, emit: Emit) -> None:
        """Goes on with what was held."""
        intent = await self._intents.anew(stuck)
        rollout = self._recorded(intent, who, f"goes on with deployment {stuck.id}", dict(stuck.request))
        await self._carry(rollout, intent, emit, Carrying.forward, Record.of(stuck.evidence))

    async def send_back(self, stuck: Deployment, who: str, emit: Emit) -> None:
        """Brings back what a held deployment left."""
        intent = self._intents.recorded(stuck)
        rollout = self._recorded(intent, who, f"goes back from deployment {stuck.id}", dict(stuck.request))
        await self._carry(rollout, intent, emit, _back(f"aborted by {who}"), Record.of(stuck.evidence))

    async def take_up(self) -> None:
        """Goes on with what an earlier control loop left unfinished."""
        for left in self._world.catalogue.unfinished():
            if left.kind not in TAKEN_UP:
                continue
            what = f"{left.kind} {left.id} of {', '.join(left.services)} by {left.who}"
            try:
                async with self._turn.taken(what, log.info):
                    await self._take_up(left)
            except Exception:
                log.exception("deployment %d cannot be taken up", left.id)

    async def interrupt(self) -> None:
        """Leaves what is under way to the next control loop."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})

    async def _take_up(self, left: Deployment) -> None:
        log.info("deployment %d is taken up again", left.id)
        if self._world.site is None:
            sentence = "interrupted: the control loop was killed, and the stack is not known any more"
            self._world.catalogue.finish(left.id, "interrupted", sentence, {})
            return
        rollout = Rollout(left.id, left.kind, left.who, dict(left.request))
        record = Record.of(left.evidence)
        if left.state == "returning":
            cause = str(left.evidence["cause"])
            await self._carry(rollout, self._intents.recorded(left), log.debug, _back(cause), record)
            return
        if left.state == "paused":
            rollout.pause()
        try:
            intent = await self._intents.anew(left)
        except Exception as error:  # noqa: BLE001 - whatever stands in the way forward: the way back is left
            log.warning("deployment %d cannot go on: %s", left.id, error)
            cause = f"it could not be taken up after the control loop was killed: {error}"
            await self._carry(rollout, self._intents.recorded(left), log.debug, _back(cause), record)
            return
        await self._carry(rollout, intent, log.debug, Carrying.forward, record)

    def _recorded(self, intent: Intent, who: str, why: str, wish: dict[str, Any]) -> Rollout:
        for left in self._world.catalogue.unfinished():  # it could not be taken up, and must not be later
            sentence = f"interrupted: {who} deployed {', '.join(intent.services)} in its place"
            self._world.catalogue.finish(left.id, "interrupted", sentence, {})
        number = self._world.catalogue.begin(
            intent.kind, intent.services, intent.before, intent.after, intent.strategy, who, why, wish
        )
        return Rollout(number, intent.kind, who, wish)

    def _call_healthy(self, intent: Intent) -> None:
        """What serves well when something new is let in is where a rollback may lead."""
        latest = self._world.catalogue.sets(1)
        there = self._world.keeper.instances()
        well = all(any(each.state == "ready" for each in there.get(name, ())) for name in intent.services)
        if latest and latest[0].healthy is None and well:
            self._world.catalogue.judge_set(latest[0].number, True)

    async def _carry(
        self, rollout: Rollout, intent: Intent, emit: Emit, course: Course, record: Record | None = None
    ) -> None:
        began, record = time.monotonic(), record or Record()
        self.rollout, self._work = rollout, asyncio.current_task()
        self._world.listeners.add(record.heard)
        following = asyncio.create_task(rollout.follow(emit), name="follow")
        try:
            begun = next(each for each in self._world.catalogue.unfinished() if each.id == rollout.id)
            rollout.tell(self._reports.headline(begun))
            if not intent.plan.empty:
                rollout.tell(intent.told())
            hands = Hands(self._world, self._judge, rollout, record, self._judge.baseline(begun.started_at))
            with instances_told(self._world, intent.services, rollout.tell):
                end = await course(Carrying(self._world, rollout, intent, hands, record))
            evidence = {**record.as_dict(), "cause": end.cause}
            self._world.catalogue.finish(rollout.id, end.state, end.sentence, evidence)
            rollout.tell(ending.outcome(rollout.id, rollout.kind, end, time.monotonic() - began, evidence))
        finally:
            self._world.listeners.discard(record.heard)
            self.rollout = self._work = None
            rollout.over.set()
            await following


def _back(cause: str) -> Course:
    return lambda carrying: carrying.back(cause)
