"""What carries out each step of a deployment: the runtime's actions and the guard, each when it may."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING

from nexus.control.deploying.judging import Baseline, Judge, Regression
from nexus.control.deploying.record import TOUCHING, Record
from nexus.control.deploying.rollout import Rollout
from nexus.plans import Action, Step

if TYPE_CHECKING:
    from nexus.control.world import World
    from nexus.releases.guard import Verdict

# What may be cut short at any moment when the deployment is to go back: it has changed nothing that the way
# back does not find.
CUTTABLE = frozenset({"build", "admit", "judge", "watch"})


class Hands:
    """The hands of the executor for one deployment."""

    def __init__(
        self, world: World, judge: Judge, rollout: Rollout, record: Record, baseline: Baseline
    ) -> None:
        self._world = world
        self._judge = judge
        self._rollout = rollout
        self._record = record
        self._baseline = baseline

    def forward(self) -> Mapping[str, Action]:
        """Action name → what carries it out, unless the deployment stands still or is to go back."""
        actions = {**self.back(), "judge": self.judge, "watch": self.watch}
        return {name: self._in_turn(action) for name, action in actions.items()}

    def back(self) -> Mapping[str, Action]:
        """Action name → what carries it out on the way back, which nothing stops."""
        return self._world.keeper.actions()

    async def judge(self, step: Step) -> None:
        """Compares the candidate with the stable release.

        Raises:
            Regression: it is worse.
        """
        weight, hold, patience = (float(step.arguments[name]) for name in ("weight", "hold", "patience"))
        looking = self._judge.step(
            step.target, int(weight), hold, patience, self._rollout.tell, self._rollout.pausing
        )
        await self._heard(step.target, "judge", looking)

    async def watch(self, step: Step) -> None:
        """Watches services after they got all requests.

        Raises:
            Regression: they do worse than before.
        """
        services = tuple(step.arguments["services"].split(","))
        seconds = float(step.arguments["seconds"])
        looking = self._judge.bake(
            services, seconds, self._baseline, self._rollout.tell, self._rollout.pausing
        )
        await self._heard(step.target, "bake", looking)

    async def _heard(self, service: str, phase: str, looking: Awaitable[Verdict]) -> None:
        try:
            verdict = await looking
        except Regression as error:
            self._record.verdict(service, phase, error.verdict.as_dict())
            if phase == "bake":
                self._blame(error.verdict.service)
            raise
        self._record.verdict(service, phase, verdict.as_dict())

    def _blame(self, service: str) -> None:
        """Calls the newest set unhealthy, if this deployment made it with the release that does worse."""
        newest = self._world.catalogue.sets(1)[0]
        if newest.at >= self._baseline.at and self._world.candidates.of(service) is None:
            self._world.catalogue.judge_set(newest.number, False)

    def _touch(self, step: Step) -> None:
        """Records, before it does so, that a step may give requests to what is let in."""
        if step.action in TOUCHING and not self._record.touched:
            self._record.touched = True
            self._world.catalogue.note(self._rollout.id, self._rollout.state, self._record.as_dict())

    def _in_turn(self, action: Action) -> Action:
        async def carry_out(step: Step) -> None:
            await self._rollout.turn()
            self._touch(step)
            if step.action in CUTTABLE:
                await self._rollout.unless_aborted(_coroutine(action, step))
            else:
                await action(step)

        return carry_out


async def _coroutine(action: Action, step: Step) -> None:
    await action(step)
