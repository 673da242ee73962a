"""What carries out the steps of a restore in place; all others are the keeper's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.business import load_invariants
from nexus.control.check import check
from nexus.control.restoring import ways
from nexus.control.restoring.begun import HALFWAY, UNDOING, Begun, Notes, Phase
from nexus.control.restoring.caches import empty
from nexus.control.restoring.engine import Engine, after
from nexus.control.restoring.exchange import Exchange
from nexus.control.restoring.figures import lost
from nexus.control.restoring.proving import prove
from nexus.control.restoring.stream import followed, seal
from nexus.migrations.rehearsing.sentence import Sentence
from nexus.plans import Action, Plan, Step
from nexus.recovery.errors import RecoveryError
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site

if TYPE_CHECKING:
    from nexus.control.world import World


EXCHANGING = ("swap", "swap_back", "releases", "empty")
OVER: Mapping[Phase, Phase] = {"swapping": "exchanged", "undoing": "undone"}
COUNTED_WITHIN = 15.0  # seconds
ARRIVES_WITHIN = 60.0  # seconds
POLL = 1.0


class Acting:
    """The hands of one restore. Each step that ended well is noted, so that it is not repeated. `faults`:
    what is not right though the restored data run.
    """

    def __init__(
        self, world: World, begun: Begun, exchange: Exchange, engine: Engine | None = None, override: str = ""
    ) -> None:
        self._world = world
        self._notes = Notes(world.home)
        self._exchange = exchange
        self._engine = engine
        self._override = override
        self._exchanging: frozenset[str] = frozenset()
        self.begun = begun
        self.said: list[str] = []
        self.faults: list[str] = []

    def actions(self, plan: Plan) -> Mapping[str, Action]:
        """Action name → what carries it out. `plan`: tells when the exchange is over."""
        self._exchanging = frozenset(step.id for step in plan.steps if step.action in EXCHANGING)
        ours = {
            "seal": self.seal,
            "count": self.count,
            "restore": self.restore,
            "prove": self.prove,
            "carry": self.carry,
            "swap": self.swap,
            "swap_back": self.swap_back,
            "drop": self.drop,
            "releases": self.releases,
            "empty": self.empty,
            "check": self.check,
            "probe": self.probe,
            "resume": self.resume,
        }
        return {**self._world.keeper.actions(), **{name: self._noted(act) for name, act in ours.items()}}

    @property
    def _site(self) -> Site:
        assert self._world.site is not None
        return self._world.site

    def _noted(self, act: Callable[[Step], Awaitable[None]]) -> Action:
        async def carry_out(step: Step) -> None:
            try:
                await act(step)
            except RecoveryError as error:
                raise StartError(str(error)) from error
            self.begun = self.begun.with_done(step.id)
            if self.begun.phase in HALFWAY and self._exchanging <= set(self.begun.done):
                self.begun = replace(self.begun, phase=OVER[self.begun.phase])
            self._notes.keep(self.begun)

        return carry_out

    async def seal(self, step: Step) -> None:
        """Waits until the archive, and the place that is read from, hold all that was committed."""
        await seal(self._site, self._site.stack.service(step.target), self.begun.place)

    async def count(self, step: Step) -> None:
        """Counts again what will be lost: users worked on while it was restored. Whoever cannot count it says
        so, and goes on.
        """
        assert self._engine is not None
        try:
            await seal(self._site, self._site.stack.service(step.target), self.begun.place, COUNTED_WITHIN)
            choice = await self._engine.choose_exact(self.begun.target)
        except (StartError, RecoveryError) as error:
            self.said.append(f"what is lost was not counted again: {error}")
            return
        told = await lost(self._engine, choice, self._site.stack)
        self.begun = replace(self.begun, lost=told)
        if told:
            self.said.append(f"lost: {told}")
            self._engine.say(Sentence("lost: {what}", what=told))

    async def restore(self, step: Step) -> None:
        """Restores beside; what a killed restore left is begun anew."""
        assert self._engine is not None
        data = self._exchange.restored(self.begun.stamp)
        if data.exists() and any(data.iterdir()):
            return  # it appears whole: we were killed just after
        self.begun = after(self.begun, await self._engine.restore(self.begun, data), self._engine.zone)

    async def prove(self, step: Step) -> None:
        """Asks the books before anything is changed.

        Raises:
            StartError: an invariant does not hold, and the operator did not override it.
        """
        invariants = load_invariants(self._site.stack).usable
        server, data = self._site.stack.service(step.target), self._exchange.restored(self.begun.stamp)
        proof = await prove(data, self._site, server, invariants, self.begun.at)
        if proof.broken and not self._override:
            raise StartError(
                f"what was restored breaks {len(proof.broken)} of {proof.asked} invariants "
                f"({'; '.join(proof.why)}); choose an earlier target, or go on with --override REASON"
            )
        self.begun = replace(self.begun, broken=proof.broken)
        self.said += [f"{each} does not hold in what was restored" for each in proof.broken]

    async def carry(self, step: Step) -> None:
        """Into the volume."""
        await self._exchange.carry(self.begun.stamp)

    async def swap(self, step: Step) -> None:
        """From here on, only the end or `--undo` makes the stack whole."""
        again = self.begun.phase == "swapping"
        self.begun = replace(self.begun, phase="swapping")
        self._notes.keep(self.begun)
        await self._exchange.swap(self.begun.stamp, again)

    async def swap_back(self, step: Step) -> None:
        """The former data come back."""
        await self._exchange.swap_back(self.begun.stamp)

    async def drop(self, step: Step) -> None:
        """What was restored beside goes."""
        await self._exchange.drop(self.begun.stamp)

    async def releases(self, step: Step) -> None:
        """Makes others stable."""
        services = [self._world.service_of(name, id) for name, id in self.begun.releases.items()]
        await self._world.adopt_all(services, f"restored to {self.begun.reaches}")

    async def empty(self, step: Step) -> None:
        """Empties a cache."""
        await empty(self._site, self._site.stack.service(step.target))

    async def check(self, step: Step) -> None:
        """Asks the invariants of what runs, until what was on its way when time stood still has arrived. One
        that does not hold, though it did in what was restored, is told: the stack runs, and stays.
        """
        if self.begun.phase in UNDOING:  # the former data are as they were
            self.said += [f"{name} does not hold" for name in await self._broken()]
            return
        give_up = asyncio.get_running_loop().time() + ARRIVES_WITHIN
        while broken := sorted(await self._broken() - set(self.begun.broken)):
            if asyncio.get_running_loop().time() > give_up:
                self._fault(f"{', '.join(broken)} does not hold in what runs")
                return
            await asyncio.sleep(POLL)

    async def _broken(self) -> set[str]:
        told = await check(self._world)
        return {each["name"] for each in told["invariants"] if not each["ok"]}

    async def probe(self, step: Step) -> None:
        """Goes the ways of users; where one leads nowhere, it is told."""
        try:
            await ways.go(self._site)
        except StartError as error:
            self._fault(str(error))

    def _fault(self, text: str) -> None:
        """What the operator overrode is a note, all else a fault."""
        (self.said if self._override else self.faults).append(text)

    async def resume(self, step: Step) -> None:
        """Returns when the stream follows the restored cluster, on the timeline that began there."""
        if self._site.stack.recovery.stream:
            said = await followed(self._site, self._site.stack.service(step.target))
            self.said += [said] if said else []
