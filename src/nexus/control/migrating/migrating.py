"""What operators ask of schemas: to apply what is pending, to mend what is recorded, to take one change back.

Each is one operation of the stack: it takes the turn, plans from what the database says now, is carried out
step by step with the journal, and tells its end as it is. Killed at any point, the same command goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nexus.control.addresses import Refused
from nexus.control.deploying.trail import Trail
from nexus.control.migrating.applying import Applying, without_rehearsal
from nexus.control.migrating.desk import Desk
from nexus.control.migrating.mending import Mending, baseline_plan, resolve_plan
from nexus.control.migrating.requests import ApplyRequest, Asked, BaselineRequest, ResolveRequest, UndoRequest
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


@dataclass(frozen=True)
class Act:
    """What the trail tells of an operation: who asked, what is done of which modules, with which reason."""

    who: str
    what: str
    modules: tuple[str, ...]
    reason: str = ""


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
        async with self._taken("apply", asked, emit):
            with _refusing():
                desk = Desk.of(self._world)
                found = await desk.plan(asked.to)
            if asked.override:
                found = without_rehearsal(found)
            emit({"event": "plan", "plan": found.as_dict(), "text": found.text()})
            if asked.plan_only:
                return
            if found.refusals:
                sentences = "; ".join(each.sentence for each in found.refusals)
                code = next((each.code for each in found.refusals if each.code), "")
                raise Refused(f"nothing was applied: {sentences}", code)
            if asked.digest and asked.digest != found.digest:
                raise Refused("nothing was applied: meanwhile the plan is another; look at it again")
            modules = tuple(dict.fromkeys(each.source.module for each in found.steps))
            act = Act(asked.who, f"migrate apply of {_count(len(found.steps))}", modules, asked.override)
            applying = Applying(self._world, desk, found, emit, stop)
            await self._carry_out(steps(found), applying.actions(), act, emit, stop, later=len(found.later))

    async def resolve(self, asked: ResolveRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Lets what is recorded of a migration say something else.

        Raises:
            Refused: the module has no schema, or Prisma's rules forbid it.
        """
        wish, name = asked.wish
        async with self._taken("resolve", asked, emit):
            desk = Desk.of(self._world)
            plan = resolve_plan(desk.source(asked.module), wish, name)
            await self._mend(desk, plan, asked, emit, stop)

    async def baseline(self, asked: BaselineRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Records that what a schema holds already is what its migrations make.

        Raises:
            Refused: the module has no schema, or has a record already.
        """
        async with self._taken("baseline", asked, emit):
            desk = Desk.of(self._world)
            plan = baseline_plan(desk.source(asked.module), asked.to)
            await self._mend(desk, plan, asked, emit, stop)

    async def undo(self, asked: UndoRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Takes one migration back, where nothing is lost by it.

        Raises:
            Refused: it cannot be taken back; says why.
        """
        async with self._taken("undo", asked, emit):
            with _refusing():
                undoing = await Undoing.of(Desk.of(self._world), asked.module, asked.name, emit)
            plan = {**undoing.plan.as_dict(), "refusals": list(undoing.refusals)}
            emit({"event": "plan", "plan": plan, "text": undoing.text})
            if undoing.refusals:
                raise Refused(f"nothing was undone: {'; '.join(undoing.refusals)}")
            if asked.plan_only:
                return
            act = Act(asked.who, f"migrate undo of {undoing.name}", (asked.module,))
            await self._carry_out(undoing.plan, undoing.actions(), act, emit, stop)

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

    @asynccontextmanager
    async def _taken(self, what: str, asked: Asked, emit: Emit) -> AsyncIterator[None]:
        """While the block runs, it alone changes the stack; who only plans waits for nobody."""
        if asked.plan_only:
            yield
            return
        async with self._turn.taken(f"migrate {what} by {asked.who}", emit):
            yield

    async def _mend(self, desk: Desk, plan: Plan, asked: Asked, emit: Emit, stop: asyncio.Event) -> None:
        mending, (step,) = Mending(desk), plan.steps
        with _refusing():
            await mending.check(step)
        emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
        if asked.plan_only:
            return
        act = Act(asked.who, f"{plan.title}: {step.does}", (step.target,))
        told: list[dict[str, Any]] = []
        await self._carry_out(plan, mending.actions(), act, told.append, stop)
        if mending.refused is not None:
            raise Refused(str(mending.refused), mending.refused.code) from mending.refused
        for event in told:
            emit(event)

    async def _carry_out(
        self,
        plan: Plan,
        actions: Mapping[str, Action],
        act: Act,
        emit: Emit,
        stop: asyncio.Event,
        later: int = 0,
    ) -> None:
        """The trail holds what was asked for before it begins, and how it ended after. `later`: how many
        migrations wait for a release.
        """

        def tell(event: StepEvent) -> None:
            emit(step_told(event))

        if plan.empty:
            emit(outcome("nothing to do", "nothing to do", 0, later=later))
            return
        self._trail.add(act.who, f"{act.what}: asked for", act.modules, act.reason)
        one_by_one = execute(_in_a_row(plan), actions, self._world.journal, act.who, tell, stop)
        self._work = asyncio.create_task(one_by_one, name=plan.title)
        try:
            ended = await asyncio.shield(self._work)
        except asyncio.CancelledError:
            if not self._work.cancelled():
                raise
            sentence = "interrupted: the control loop ends; the same command goes on"
            self._trail.add(act.who, f"{act.what}: {sentence}", act.modules)
            emit(outcome("interrupted", sentence, INTERRUPTED))
            return
        finally:
            self._work = None
        self._trail.add(act.who, f"{act.what}: {ended.sentence()}", act.modules)
        told = {"done": len(ended.done), "total": ended.total, "later": later}
        emit(outcome(ended.state, ended.sentence(), ended.exit_code, **told))


def _count(migrations: int) -> str:
    return "1 migration" if migrations == 1 else f"{migrations} migrations"


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
        raise Refused(str(error), error.code) from error
