"""Carrying one deployment out: forward, and back when it does not go well, each step recorded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.control.deploying import ending
from nexus.control.deploying.ending import Ending
from nexus.control.deploying.hands import Hands
from nexus.control.deploying.intending import way_back
from nexus.control.deploying.intent import Intent
from nexus.control.deploying.record import Record
from nexus.control.deploying.rollout import Rollout
from nexus.control.progress import step_told
from nexus.plans import Action, Outcome, Plan, StepEvent, execute

if TYPE_CHECKING:
    from nexus.control.world import World

log = logging.getLogger("nexus.control")


class Carrying:
    """One deployment and its end."""

    def __init__(self, world: World, rollout: Rollout, intent: Intent, hands: Hands, record: Record) -> None:
        self._world = world
        self._rollout = rollout
        self._intent = intent
        self._hands = hands
        self._record = record

    async def forward(self) -> Ending:
        """Carries the plan out; goes back when a step fails, the guard objects or an operator wants it."""
        plan = self._intent.plan
        try:
            outcome = await self._execute(plan, self._hands.forward(), self._rollout.aborted)
        except Exception as error:
            log.exception("deployment %d failed", self._rollout.id)
            return await self.back(str(error) or type(error).__name__)
        if self._rollout.aborted.is_set():  # also when the last step could not be cut short any more
            return await self.back(f"aborted by {self._rollout.aborter}")
        if outcome.state in ("done", "nothing to do"):
            return await self._arrived()
        if _only_contracts(outcome) and not self._differing(self._intent.after):
            return self._not_contracted(_cause(outcome))
        if self._intent.kind == "rollback" and not self._differing(self._intent.after):
            return self._taken_back(_cause(outcome))
        return await self.back(_cause(outcome))

    async def back(self, cause: str) -> Ending:
        """Brings everything to where it was before; says so, or what stands in the way, whatever that is."""
        self._record.back = self._rollout.returning = True
        try:
            return await self._back(cause)
        except Exception as error:
            log.exception("the way back of deployment %d failed", self._rollout.id)
            return self._stuck(cause, str(error) or type(error).__name__)

    async def _back(self, cause: str) -> Ending:
        self._world.catalogue.note(self._rollout.id, "returning", {**self._record.as_dict(), "cause": cause})
        self._rollout.tell({"event": "returning", "cause": cause})
        plan = await way_back(self._world, self._rollout.id, self._intent.services, cause)
        self._rollout.tell({"event": "plan", "plan": plan.as_dict(), "text": plan.text(), "back": True})
        outcome = await self._execute(plan, self._hands.back(), asyncio.Event())
        if outcome.state == "failed":
            return self._stuck(cause, _cause(outcome))
        wrong = (*self._differing(self._intent.before), *plan.notes)
        if wrong:
            return self._stuck(cause, "; ".join(wrong))
        return ending.gone_back(cause, self._intent.former, self._record.touched)

    async def _arrived(self) -> Ending:
        wrong = self._differing(self._intent.after)
        if wrong:
            return await self.back("; ".join(wrong))
        self._judge_watched()
        return ending.promoted(self._intent.titles, self._record.gaps)

    def _judge_watched(self) -> None:
        if self._record.watched:
            self._world.catalogue.judge_set(self._world.catalogue.sets(1)[0].number, True)

    def _not_contracted(self, cause: str) -> Ending:
        """All that was asked for serves, on a schema that it fits: nothing is taken back for what is left."""
        self._judge_watched()
        return ending.held(
            f"{', '.join(self._intent.titles)} runs, and what contracts is not applied: {cause}",
            "mend it, then `nexus deploy --resume` or `nexus migrate apply`",
        )

    def _taken_back(self, cause: str) -> Ending:
        """The former releases do no better: that is told, and not chased from release to release."""
        return ending.held(
            f"{', '.join(self._intent.titles)} run again, and {cause}", "nothing more is taken back by itself"
        )

    def _stuck(self, cause: str, reason: str) -> Ending:
        names = " ".join(self._intent.services)
        return ending.held(
            f"{cause}; and the way back failed: {reason}",
            f"`nexus status` shows what runs; mend it, then `nexus deploy {names}`, --resume or --abort",
        )

    def _differing(self, expected: Mapping[str, str]) -> tuple[str, ...]:
        return ending.differing(expected, self._world.catalogue.stable(), tuple(self._world.candidates.all()))

    async def _execute(self, plan: Plan, actions: Mapping[str, Action], stop: asyncio.Event) -> Outcome:
        def tell(event: StepEvent) -> None:
            self._record.step(event)
            self._world.catalogue.note(self._rollout.id, self._rollout.state, self._record.as_dict())
            self._rollout.tell(step_told(event))

        async with self._world.keeper.at_work():
            return await execute(plan, actions, self._world.journal, self._rollout.who, tell, stop)


def _only_contracts(outcome: Outcome) -> bool:
    return bool(outcome.failed) and all(step.action == "contract" for _, step, _ in outcome.failed)


def _cause(outcome: Outcome) -> str:
    return "; ".join(error for _, _, error in outcome.failed) or outcome.sentence()
