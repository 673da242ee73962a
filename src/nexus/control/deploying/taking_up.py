"""Going on with deployments that were left unfinished, as soon as what they need is there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from nexus.control.addresses import Refused
from nexus.control.deploying.conducting import Conducting
from nexus.control.facts import InstanceFacts
from nexus.control.turn import Turn
from nexus.runtimes.protocol import StartError
from nexus.stack import Stack

if TYPE_CHECKING:
    from nexus.control.world import World
    from nexus.releases.records import Deployment

log = logging.getLogger("nexus.control")

TAKEN_UP = frozenset({"deploy", "rollback", "upgrade"})
LOOK_EVERY = 0.25
PATIENCE = 20.0  # seconds for instances of the services in question, which may never come up
RETRY_EVERY = 15.0


class TakingUp:
    """Looks for them once, after `wake`, and from time to time."""

    def __init__(self, world: World, turn: Turn, conducting: Conducting) -> None:
        self._world = world
        self._turn = turn
        self._conducting = conducting
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """Something changed that they may have waited for."""
        self._awake.set()

    async def for_ever(self) -> None:
        """Takes up what is unfinished until it is cancelled; what cannot be is tried again later."""
        while True:
            self._awake.clear()
            for left in self._left():
                await self._attempt(left)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), RETRY_EVERY)

    def _left(self) -> list[Deployment]:
        """Those that are unfinished, and that nobody carries."""
        rollout = self._conducting.rollout
        return [
            each
            for each in self._world.catalogue.unfinished()
            if each.kind in TAKEN_UP and (rollout is None or each.id != rollout.id)
        ]

    async def _attempt(self, left: Deployment) -> None:
        try:
            lacking = await self._lacking(left)
            if lacking:
                log.info("deployment %d is not taken up yet: %s", left.id, lacking)
                return
            what = f"{left.kind} {left.id} of {', '.join(left.services)} by {left.who}"
            async with self._turn.taken(what, log.info):
                if any(each.id == left.id for each in self._left()):  # nobody dealt with it meanwhile
                    await self._conducting.take_up(left)
        except (Refused, StartError) as error:
            log.info("deployment %d is not taken up: %s", left.id, error)
        except Exception:
            log.exception("deployment %d cannot be taken up; it is tried again", left.id)

    async def _lacking(self, left: Deployment) -> str:
        """What still stands in the way after some patience ("" = nothing)."""
        began = time.monotonic()
        while True:
            site, patient = self._world.site, time.monotonic() - began < PATIENCE
            if site is None:
                return "the stack is not known; `nexus up` takes it up"
            said = lacking(site.stack, self._world.keeper.instances(), left.services, patient)
            if not said or not patient:
                return said
            await asyncio.sleep(LOOK_EVERY)


def lacking(
    stack: Stack,
    instances: Mapping[str, tuple[InstanceFacts, ...]],
    services: Iterable[str],
    patient: bool = True,
) -> str:
    """What must be there before a deployment of `services` goes on, and is not ("" = nothing). Pure.

    The infrastructure they need must be ready. The services themselves may be away, for one that cannot
    run twice is stopped before it is started; but while `patient`, nothing of them may be just starting.
    """
    mine = [name for name in services if stack.has(name)]
    for name in sorted(_infrastructure(stack, mine)):
        if not any(each.state == "ready" and each.side == "stable" for each in instances.get(name, ())):
            return f"{name} is not ready; `nexus up` starts it"
    for name in mine if patient else ():
        if any(each.alive and each.state == "starting" for each in instances.get(name, ())):
            return f"{name} is just starting"
    return ""


def _infrastructure(stack: Stack, services: Iterable[str]) -> set[str]:
    """What these and what they need rely on, and the gateways."""
    found = {each.name for each in stack.of_kind("gateway")}
    waiting = list(services)
    while waiting:
        for name in stack.service(waiting.pop()).needs.hard:
            if stack.has(name) and name not in found:
                found.add(name)
                waiting.append(name)
    return {name for name in found if stack.service(name).kind != "module"} - set(services)
