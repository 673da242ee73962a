"""Letting a release in beside the stable one: its candidate, its share of the requests, its promotion."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.control.candidates import Candidate
from nexus.control.containers.exchange import Exchange
from nexus.plans import Action, Step
from nexus.runtimes.containers.change import Change
from nexus.runtimes.containers.units import unit_of
from nexus.runtimes.protocol import StartError

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper

log = logging.getLogger("nexus.control")
ALL = 100  # per cent


class LettingIn:
    """What the steps of canary and blue-green deployments do; each may be carried out again after a crash."""

    def __init__(self, keeper: ContainerKeeper) -> None:
        self._keeper = keeper
        self._exchange = Exchange(keeper)

    def all(self) -> Mapping[str, Action]:
        """Action name -> what carries it out."""
        return {
            "admit": self.admit,
            "shift": self.shift,
            "promote": self.promote,
            "abandon": self.abandon,
        }

    async def admit(self, step: Step) -> None:
        """Starts a candidate without requests and waits until it is ready and has stayed so.

        Raises:
            StartError: it does not start, is not ready in time, or keeps ending.
        """
        release, keeper = step.arguments["release"], self._keeper
        service, known = keeper.released(step.target, release), keeper.candidates.of(step.target)
        if known is not None and known.release != release:
            raise StartError(f"{step.target} {known.release} is being let in; abandon it first")
        count = int(step.arguments["count"])
        keeper.candidates.put(Candidate(step.target, release, count, known.weight if known else 0))
        if known is None:
            await self._share()
        project = keeper.project(keeper.kept)
        project.write()
        unit = unit_of(step.target, "candidate")
        change = Change(unit, project, service.release, count, service.rollout)
        await keeper.containers(keeper.kept).ensure(change)
        await keeper.glance(keeper.kept)

    async def shift(self, step: Step) -> None:
        """Gives the candidate its share of the requests.

        Raises:
            StartError: there is no candidate, or a gateway has not taken the share in time.
        """
        await self._weigh(step.target, int(step.arguments["weight"]))

    async def promote(self, step: Step) -> None:
        """Makes the candidate's release the stable one. Until it is, the candidate answers all requests.

        Raises:
            StartError: there is no candidate of this release, or the stable side does not get ready with it.
        """
        service = self._keeper.released(step.target, step.arguments["release"])
        candidate = self._keeper.candidates.of(step.target)
        adopted = self._keeper.service(step.target).release == service.release
        if not adopted:
            if candidate is None or candidate.release != service.release:
                raise StartError(f"{service.name} {service.release} is not being let in; admit it first")
            await self._weigh(step.target, ALL)
            await self._exchange.roll(service, together=True)
        else:
            await self._exchange.make_whole(step.target)
        if candidate is not None:
            await self._weigh(step.target, 0)
            await self._leave(step.target)

    async def abandon(self, step: Step) -> None:
        """Ends the candidate, whatever state it is in, and has the stable release alone run."""
        if self._keeper.candidates.of(step.target) is not None:
            try:
                await self._weigh(step.target, 0)
            except StartError as error:  # without instances of the candidate, gateways ask the stable side
                log.warning(
                    "%s: its candidate ends although a gateway sends it requests: %s", step.target, error
                )
            self._keeper.candidates.drop(step.target)
        await self.tidy(step.target)

    async def tidy(self, service: str) -> None:
        """Ends what is neither of the stable release nor of a candidate.

        Raises:
            StartError: the stable release is not whole.
            EngineError: the engine refuses.
        """
        if self._keeper.candidates.of(service) is None:
            await self._leave(service)
        await self._exchange.make_whole(service)

    async def _weigh(self, service: str, weight: int) -> None:
        candidate = self._keeper.candidates.of(service)
        if candidate is None:
            raise StartError(f"no release of {service} is being let in")
        self._keeper.candidates.put(replace(candidate, weight=weight))
        await self._share()

    async def _share(self) -> None:
        shares = {name: each.weight for name, each in self._keeper.candidates.all().items()}
        await self._keeper.split.share(self._keeper.kept, shares)

    async def _leave(self, service: str) -> None:
        """Drains and stops the candidate's instances, then forgets it."""
        keeper, unit = self._keeper, unit_of(service, "candidate")
        there = [each for each in await keeper.glance(keeper.kept) if each.unit == unit]
        if there:
            drain = keeper.service(service).rollout.drain
            async with keeper.split.leaving(keeper.kept, there, drain):
                await keeper.containers(keeper.kept).stop(unit, drain)
        keeper.candidates.drop(service)
        keeper.project(keeper.kept).write()
        await keeper.glance(keeper.kept)
