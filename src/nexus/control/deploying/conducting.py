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
from nexus.control.deploying.proven import proven
from nexus.control.deploying.record import Record
from nexus.control.deploying.reports import Reports
from nexus.control.deploying.rollout import Rollout
from nexus.control.deploying.telling import instances_told
from nexus.control.deploying.trail import Trail
from nexus.control.turn import Emit

if TYPE_CHECKING:
    from nexus.control.world import World
    from nexus.releases.records import Deployment

log = logging.getLogger("nexus.control")
Course = Callable[[Carrying], Awaitable[Ending]]


class Conducting:
    """At most one deployment at a time; whoever calls holds the turn."""

    def __init__(self, world: World, intents: Intents, trail: Trail) -> None:
        self._world = world
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

    async def interrupt(self) -> None:
        """Leaves what is under way to the next control loop."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})

    async def take_up(self, left: Deployment) -> None:
        """Goes on with what was left unfinished: forward, or back where it was going back."""
        log.info("deployment %d is taken up again", left.id)
        rollout = Rollout(left.id, left.kind, left.who, dict(left.request), left.after)
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
            if not set(left.services) & set(intent.services):
                continue
            sentence = f"interrupted: {who} deployed {', '.join(intent.services)} in its place"
            self._world.catalogue.finish(left.id, "interrupted", sentence, {})
        number = self._world.catalogue.begin(
            intent.kind, intent.services, intent.before, intent.after, intent.strategy, who, why, wish
        )
        return Rollout(number, intent.kind, who, wish, intent.after)

    def _call_healthy(self, intent: Intent) -> None:
        """What serves well when something new is let in is where a rollback may lead."""
        latest = self._world.catalogue.sets(1)
        if intent.kind == "rollback" or not latest or latest[0].healthy is not None:
            return
        there, site = self._world.keeper.instances(), self._world.site
        states = {name: {each.state for each in there.get(name, ())} for name in intent.services}
        well = all(seen == {"ready"} for seen in states.values())
        bakes = {each.name: each.rollout.bake for each in site.stack.services} if site else {}
        if well and proven(latest[0], self._world.catalogue.deployments(), bakes, time.time()):
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
