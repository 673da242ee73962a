"""What operators ask of schemas: to apply what is pending, to mend what is recorded, to take one change back.

Each is one operation of the stack: it takes the turn, plans from what the database says now, is carried out
step by step with the journal, and tells its end as it is. Killed at any point, the same command goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nexus.control.addresses import Refused
from nexus.control.deploying.trail import Trail
from nexus.control.migrating.applying import Applying, without_rehearsal
from nexus.control.migrating.desk import Desk
from nexus.control.migrating.mending import Mending, baseline_plan, resolve_plan
from nexus.control.migrating.requests import ApplyRequest, BaselineRequest, ResolveRequest, UndoRequest
from nexus.control.migrating.telling import outcome
from nexus.control.migrating.undoing import Undoing
from nexus.control.progress import step_told
from nexus.control.turn import Emit, Turn
from nexus.migrations.errors import MigrationError
from nexus.migrations.planning import steps
from nexus.plans import Action, Outcome, Plan, StepEvent, execute

if TYPE_CHECKING:
    from nexus.control.world import World

INTERRUPTED = 130


class Migrating:
    """The changes of one stack's schemas."""

    def __init__(self, world: World, turn: Turn) -> None:
        self._world = world
        self._turn = turn
        self._trail = Trail(world.home.database)
        self._work: asyncio.Task[Outcome] | None = None

    async def apply(self, asked: ApplyRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Applies what is pending, in the order of the plan.

        Raises:
            Refused: the plan has refusals, or is not the one that the operator saw.
        """
        async with self._turn.taken(f"migrate apply by {asked.who}", emit):
            with _refusing():
                desk = Desk.of(self._world)
                found = await desk.plan(asked.to)
            if asked.override:
                found = without_rehearsal(found)
            emit({"event": "plan", "plan": found.as_dict(), "text": found.text()})
            if asked.plan_only:
                return
            if found.refusals:
                raise Refused(f"nothing was applied: {'; '.join(each.sentence for each in found.refusals)}")
            if asked.digest and asked.digest != found.digest:
                raise Refused("nothing was applied: meanwhile the plan is another; look at it again")
            plan = steps(found)
            if not plan.empty:
                modules = tuple(dict.fromkeys(each.source.module for each in found.steps))
                self._trail.add(asked.who, f"migrate: {len(found.steps)} applied", modules, asked.override)
            applying = Applying(self._world, desk, found, emit)
            await self._carry_out(plan, applying.actions(), asked.who, emit, stop)

    async def resolve(self, asked: ResolveRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Records that a migration was applied or rolled back by hand.

        Raises:
            Refused: the module has no schema.
        """
        name = asked.applied or asked.rolled_back
        async with self._turn.taken(f"migrate resolve by {asked.who}", emit):
            desk = Desk.of(self._world)
            plan = resolve_plan(desk.source(asked.module), name, bool(asked.applied))
            await self._mend(desk, plan, asked.who, asked.plan_only, emit, stop)

    async def baseline(self, asked: BaselineRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Records that what a schema holds already is what its migrations make.

        Raises:
            Refused: the module has no schema.
        """
        async with self._turn.taken(f"migrate baseline by {asked.who}", emit):
            desk = Desk.of(self._world)
            plan = baseline_plan(desk.source(asked.module), asked.to)
            await self._mend(desk, plan, asked.who, asked.plan_only, emit, stop)

    async def undo(self, asked: UndoRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Takes one migration back, where nothing is lost by it.

        Raises:
            Refused: it cannot be taken back; says why.
        """
        async with self._turn.taken(f"migrate undo by {asked.who}", emit):
            with _refusing():
                undoing = await Undoing.of(Desk.of(self._world), asked.module, asked.name, emit)
            plan = {**undoing.plan.as_dict(), "refusals": list(undoing.refusals)}
            emit({"event": "plan", "plan": plan, "text": undoing.text})
            if undoing.refusals:
                raise Refused(f"nothing was undone: {'; '.join(undoing.refusals)}")
            if asked.plan_only:
                return
            self._trail.add(asked.who, f"migrate: {undoing.name} undone", (asked.module,))
            await self._carry_out(undoing.plan, undoing.actions(), asked.who, emit, stop)

    async def interrupt(self) -> None:
        """The control loop ends: what runs is cut short. What it has begun is rolled back, or goes on with
        the same command later.
        """
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    def close(self) -> None:
        """Lets go of the files."""
        self._trail.close()

    async def _mend(
        self, desk: Desk, plan: Plan, who: str, plan_only: bool, emit: Emit, stop: asyncio.Event
    ) -> None:
        emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
        if plan_only:
            return
        step = plan.steps[0]
        self._trail.add(who, f"migrate: {step.does}", (step.target,))
        mending = Mending(desk)
        told: list[dict[str, Any]] = []
        await self._carry_out(plan, mending.actions(), who, told.append, stop)
        if mending.refused is not None:
            raise Refused(str(mending.refused)) from mending.refused
        for event in told:
            emit(event)

    async def _carry_out(
        self, plan: Plan, actions: Mapping[str, Action], who: str, emit: Emit, stop: asyncio.Event
    ) -> None:
        def tell(event: StepEvent) -> None:
            emit(step_told(event))

        if plan.empty:
            emit(outcome("nothing to do", "nothing to do", 0))
            return
        one_by_one = execute(_in_a_row(plan), actions, self._world.journal, who, tell, stop)
        self._work = asyncio.create_task(one_by_one, name=plan.title)
        try:
            ended = await asyncio.shield(self._work)
        except asyncio.CancelledError:
            if not self._work.cancelled():
                raise
            sentence = "interrupted: the control loop ends; the same command goes on"
            emit(outcome("interrupted", sentence, INTERRUPTED))
            return
        finally:
            self._work = None
        emit(outcome(ended.state, ended.sentence(), ended.exit_code, done=len(ended.done), total=ended.total))


def _in_a_row(plan: Plan) -> Plan:
    """The plan with each step after the one before it: all migrations of a database take one lock in turn."""
    before = (None, *plan.steps[:-1])
    return replace(
        plan,
        steps=tuple(
            replace(step, after=(last.id,) if last else ())
            for step, last in zip(plan.steps, before, strict=False)
        ),
    )


@contextmanager
def _refusing() -> Iterator[None]:
    """What is wrong with migrations is what the operator is refused with."""
    try:
        yield
    except MigrationError as error:
        raise Refused(str(error)) from error
