"""Letting a release in beside the stable one: admit it, share requests with it, promote or abandon it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.control.candidates import Candidate
from nexus.control.processes.instance import Instance
from nexus.control.processes.releasing import ends, grace_of, released, superfluous
from nexus.plans import Action, Step
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper
    from nexus.control.processes.routing import Routing
    from nexus.control.processes.supervisor import Supervisor

log = logging.getLogger("nexus.control")


class Rollout:
    """The actions on a candidate. Each can be carried out again after it was cut short anywhere."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        assert keeper.supervisor is not None
        assert keeper.routing is not None
        self._keeper = keeper
        self._supervisor: Supervisor = keeper.supervisor
        self._routing: Routing = keeper.routing

    def all(self) -> Mapping[str, Action]:
        """Action name -> what carries it out."""
        return {
            "admit": self.admit,
            "shift": self.shift,
            "promote": self.promote,
            "abandon": self.abandon,
        }

    async def admit(self, step: Step) -> None:
        """Starts instances of a release beside the stable ones; they get no share of the requests yet.

        Raises:
            StartError: one does not start, is never ready, or does not stay ready.
        """
        service, count = released(self._keeper, step), int(step.arguments.get("count", "1"))
        if self._supervisor.alone(service):
            raise StartError(
                f"{service.name} cannot run twice at once, so no release can be let in beside the stable one"
            )
        assert self._keeper.site is not None
        if self._keeper.site.stack.service(service.name).release == service.release:
            return  # an earlier attempt came as far as to make it the stable one
        known = self._keeper.candidates.of(service.name)
        if known is not None and known.release != service.release:
            raise StartError(
                f"release {known.release} of {service.name} is being let in; promote or abandon it first"
            )
        weight = known.weight if known else 0
        self._keeper.candidates.put(Candidate(service.name, service.release, count, weight))
        await self._settled(self._supervisor.want(service, count, "candidate"), service)
        await self._routing.reachable(service, "candidate")

    async def shift(self, step: Step) -> None:
        """Gives the candidate its percentage of the requests; returns when the gateway shares them so."""
        weight = int(step.arguments["weight"])
        candidate = self._keeper.candidates.of(step.target)
        if candidate is None:
            if weight:
                raise StartError(f"no release of {step.target} is being let in, so none can get requests")
            return
        self._keeper.candidates.put(replace(candidate, weight=weight))
        await self._routing.share()

    async def promote(self, step: Step) -> None:
        """Makes the candidate the stable release; returns when the former instances are gone."""
        service = released(self._keeper, step)
        assert self._keeper.site is not None
        self._keeper.leftovers.claim(service.name)
        if self._keeper.site.stack.service(service.name).release == service.release:
            await self._finish(service)
            return
        candidate = self._keeper.candidates.of(service.name)
        if candidate is None or candidate.release != service.release:
            raise StartError(
                f"release {service.release} of {service.name} is not being let in; admit it first"
            )
        count = max(service.scale.min, candidate.count)
        self._keeper.candidates.put(replace(candidate, count=count))
        new = self._supervisor.want(service, count, "candidate")
        await self._settled(new, service)
        leaving = await self._hand_over(service, new)
        await self._finish(service)
        await ends(leaving)

    async def abandon(self, step: Step) -> None:
        """Gives the candidate no more requests, and ends it; returns when it is gone."""
        candidate = self._keeper.candidates.of(step.target)
        leaving = self._supervisor.of(step.target, "candidate")
        if candidate is not None:
            self._keeper.candidates.put(replace(candidate, weight=0))
            await self._routing.share()
            self._keeper.candidates.drop(step.target)
        if leaving:
            service = leaving[0].service
            await ends(self._supervisor.retire(leaving, service.rollout.drain, grace_of(service)))

    async def _hand_over(self, service: Service, new: Iterable[Instance]) -> asyncio.Task[None]:
        """From the moment of `adopt` on, the new release is the stable one; the former instances end."""
        for instance in new:
            instance.promoted = True
        former = [i for i in self._supervisor.of(service.name, "stable") if not i.leaving]
        try:
            await self._routing.reachable(service)
            for instance in former:
                instance.leaving = True
            await self._routing.mend(service)
            await self._keeper.adopt(service)
        except BaseException:
            for instance in new:
                instance.promoted = False
            for instance in former:
                instance.leaving = False
                self._supervisor.changed(instance)
            raise
        log.info("%s: release %s is stable; the former instances end", service.name, service.release)
        return self._supervisor.retire(former, service.rollout.drain, grace_of(service))

    async def _finish(self, service: Service) -> None:
        """What is left to do once the release is the stable one."""
        try:
            await self._make_whole(service)
        except BaseException:
            self._keeper.leftovers.settle(service)
            raise

    async def _make_whole(self, service: Service) -> None:
        candidates, supervisor = self._keeper.candidates, self._supervisor
        for instance in supervisor.of(service.name, "candidate"):
            if instance.service.release == service.release:
                instance.side, instance.promoted = "stable", False
        known = candidates.of(service.name)
        if known is not None and known.release == service.release:
            candidates.drop(service.name)
        await self._routing.share()
        await supervisor.start(service, service.rollout.start)
        await self._routing.reachable(service)
        await self._keeper.renew_proxies()
        former = superfluous(supervisor.of(service.name, "stable"), service)
        if former:
            await ends(supervisor.retire(former, service.rollout.drain, grace_of(service)))

    async def _settled(self, instances: Iterable[Instance], service: Service) -> None:
        rollout = service.rollout
        await asyncio.gather(*(i.until_settled(rollout.start, rollout.settle) for i in instances))
