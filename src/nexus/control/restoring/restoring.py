"""A restore in the place of the living stack, as one operation: it takes the turn, chooses or goes on, shows
its plan, carries it out with the journal, and tells its end as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus.control.addresses import Refused
from nexus.control.deploying.trail import Trail
from nexus.control.migrating.telling import outcome
from nexus.control.plan_up import plan_up
from nexus.control.progress import migrations_told, step_told
from nexus.control.recovering.runs import Runs, State
from nexus.control.restoring import reading
from nexus.control.restoring.acting import Acting
from nexus.control.restoring.begun import UNDOING, Begun, Notes
from nexus.control.restoring.choosing import chosen, from_same_place
from nexus.control.restoring.engine import opened
from nexus.control.restoring.exchange import Exchange
from nexus.control.restoring.plan import plan_restore
from nexus.control.restoring.requests import Asked, RestoreRequest, UndoRequest
from nexus.control.restoring.telling import ended_as
from nexus.control.restoring.undo import plan_give_up, plan_undo
from nexus.control.turn import Emit, Turn
from nexus.migrations.rehearsing.sentence import Say, Sentence
from nexus.plans import Outcome, Plan, StepEvent, execute
from nexus.runtimes.protocol import StartError

if TYPE_CHECKING:
    from nexus.control.world import World

INTERRUPTED = 130


class Restoring:
    """The restores of one stack in its own place. `calm` ends a backup that is being taken: at its end, older
    ones are let go.
    """

    def __init__(self, world: World, turn: Turn, calm: Callable[[], Awaitable[None]]) -> None:
        self._world = world
        self._calm = calm
        self._turn = turn
        self._trail = Trail(world.home.database)
        self._runs = Runs(world.home.database)
        self._notes = Notes(world.home)
        self._work: asyncio.Task[Outcome] | None = None

    async def restore(self, asked: RestoreRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Restores, or goes on with what was begun.

        Raises:
            Refused: it cannot be; nothing was changed.
        """
        async with self._taken("restore", asked, emit):
            site = reading.kept_site(self._world)
            reading.refuse_deployment(self._world)
            reading.refuse_standby(self._world)
            exchange = await reading.exchange_of(self._world)
            await exchange.check()
            asked = from_same_place(asked, self._notes.begun())
            async with opened(site.stack, self._world.home, saying(emit), asked.place, asked.key) as engine:
                begun = await chosen(self._world, asked, engine, exchange)
                plan = plan_restore(await reading.situation(self._world, begun, exchange))
                emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
                if asked.plan_only:
                    return
                acting = Acting(self._world, begun, exchange, engine, asked.override)
                what = f"restore to {begun.reaches}"
                ended = await self._carry_out(plan, acting, what, asked, emit, stop, self._notes.finish)
                anew = False
                if ended is not None and ended.state != "done" and acting.begun.phase == "beside":
                    anew = await self._give_back(acting.begun, exchange, asked.who, emit)
            if ended is not None:
                former = await exchange.former(begun.stamp) if "swap" in acting.begun.done else ""
                emit(ended_as(ended, acting, former, exchange.discard(begun.stamp), anew))

    async def undo(self, asked: UndoRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Puts the former data back; or gives up what has not touched them.

        Raises:
            Refused: there is nothing to put back.
        """
        async with self._taken("restore --undo", asked, emit):
            reading.kept_site(self._world)
            exchange = await reading.exchange_of(self._world)
            await exchange.check()
            begun = await self._to_undo(exchange)
            found = await reading.situation(self._world, begun, exchange)
            plan = plan_give_up(found) if begun.phase == "beside" else plan_undo(found)
            emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
            if asked.plan_only:
                return
            ends = self._notes.drop if begun.phase == "beside" else self._notes.forget
            acting = Acting(self._world, begun, exchange)
            what = f"take back the restore to {begun.reaches}"
            ended = await self._carry_out(plan, acting, what, asked, emit, stop, ends)
            if ended is not None:
                told = {}
                if ended.state == "done" and begun.phase != "beside":
                    command = exchange.discard(begun.stamp, restored=True)
                    told = {"left": exchange.left(begun.stamp), "discard": command}
                emit(outcome(ended.state, ended.sentence(), ended.exit_code, notes=acting.said, **told))

    async def interrupt(self) -> None:
        """The control loop ends: what runs is cut short; the same command goes on."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    def close(self) -> None:
        """Lets go of the files."""
        self._trail.close()
        self._runs.close()

    async def _to_undo(self, exchange: Exchange) -> Begun:
        begun = self._notes.begun()
        if begun is not None and begun.phase == "beside":
            return begun
        reading.refuse_deployment(self._world)
        reading.refuse_standby(self._world)
        if begun is not None and begun.phase in UNDOING:
            return begun
        last = begun or self._notes.last()
        if last is None:
            raise Refused("no restore was made here that could be taken back")
        if not await exchange.kept(last.stamp):
            raise Refused(
                f"the data of before the restore to {last.reaches} were deleted: there is nothing to put "
                "back; what was restored stays. What the archive leads to: `nexus restore --latest --plan`"
            )
        former = {name: last.before[name] for name in last.releases if last.before.get(name)}
        return replace(last, phase="undoing", releases=former, before=last.releases, done=(), broken=())

    async def _give_back(self, begun: Begun, exchange: Exchange, who: str, emit: Emit) -> bool:
        """The living data were not touched: who was stopped writes on. What was restored of the latest state
        is that no more, and goes; whether it did.
        """
        site, keeper = reading.kept_site(self._world), self._world.keeper
        plan = plan_up(site.stack, await reading.facts(self._world, site))
        async with keeper.at_work():
            await execute(
                plan,
                keeper.actions(),
                self._world.journal,
                who,
                lambda event: emit(step_told(event)),
                asyncio.Event(),
            )
        if begun.wish.kind != "latest":
            return False
        with suppress(StartError):  # it goes when a restore begins next
            await exchange.drop(begun.stamp)
            self._notes.drop()
        return True

    def _end(self, run: int | None, state: State, sentence: str, size: int = 0) -> None:
        """Notes how a restore ended; one that was taken back proved nothing."""
        if run is not None:
            self._runs.end(run, state, sentence, size=size)

    @asynccontextmanager
    async def _taken(self, what: str, asked: Asked, emit: Emit) -> AsyncIterator[None]:
        """While the block runs, it alone changes the stack; who only plans waits for nobody."""
        if asked.plan_only:
            yield
            return
        async with self._turn.taken(f"{what} by {asked.who}", emit, halfway=True):
            await self._calm()
            yield

    async def _carry_out(
        self,
        plan: Plan,
        acting: Acting,
        what: str,
        asked: Asked,
        emit: Emit,
        stop: asyncio.Event,
        ends: Callable[[], None],
    ) -> Outcome | None:
        """The trail holds what was asked for before it begins, and how it ended after. `ends` is called when
        all is done. None: the control loop ended meanwhile, which was told.
        """

        def tell(event: StepEvent) -> None:
            emit(step_told(event))

        names = tuple(dict.fromkeys(step.target for step in plan.steps if step.action == "stop"))
        self._trail.add(asked.who, f"{what}: asked for", names, getattr(asked, "override", ""))
        undoing = isinstance(asked, UndoRequest)
        run = None if undoing else self._runs.begin("restore", asked.who, backup=acting.begun.backup)
        self._notes.keep(acting.begun)
        keeper = self._world.keeper
        try:
            async with keeper.at_work():
                with migrations_told(self._world.listeners, emit):
                    going = execute(plan, acting.actions(plan), self._world.journal, asked.who, tell, stop)
                    self._work = asyncio.create_task(going, name=plan.title)
                    ended = await asyncio.shield(self._work)
        except asyncio.CancelledError:
            if self._work is None or not self._work.cancelled():
                raise
            sentence = "interrupted: the control loop ends; the same command goes on"
            self._end(run, "interrupted", sentence)
            emit(outcome("interrupted", sentence, INTERRUPTED))
            return None
        finally:
            self._work = None
        if ended.state == "done":
            ends()
        state: State = ended.state if ended.state != "nothing to do" else "done"
        sentence = ended.sentence()
        if state == "done" and acting.faults:
            state, sentence = "failed", f"{sentence}, and {'; '.join(acting.faults)}"
        self._end(run, state, sentence, acting.begun.bytes)
        self._trail.add(asked.who, f"{what}: {sentence}", names)
        return ended


def saying(emit: Emit) -> Say:
    """Tells sentences as events that can still be put into another language."""

    def say(sentence: Sentence) -> None:
        values = {name: str(value) for name, value in sentence.values.items()}
        emit({"event": "said", "text": sentence.text, "values": values})

    return say
