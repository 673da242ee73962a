"""The operations on a stack's backups: one is taken, what is too old is deleted.

They run in the control loop, and in a command's own process where none runs. Each is a plan that is carried
out with the journal, and noted with its end, size and time; what operators ask for goes to the audit trail.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.control.addresses import Refused
from nexus.control.deploying.trail import Trail
from nexus.control.migrating.aside import aside, told_here
from nexus.control.migrating.sources import server_of
from nexus.control.progress import step_told
from nexus.control.recovering.desk import Desk
from nexus.control.recovering.looking import Looker
from nexus.control.recovering.plan_backup import plan_backup
from nexus.control.recovering.pruning import Pruning
from nexus.control.recovering.requests import CreateRequest, PruneRequest, Wish
from nexus.control.recovering.runs import Runs, State, What
from nexus.control.recovering.stopping import until_stopped
from nexus.control.recovering.telling import outcome, said, summary
from nexus.control.turn import Emit
from nexus.migrations.rehearsing.sentence import Say, Sentence
from nexus.plans import Action, Journal, Outcome, Plan, Step, StepEvent, execute
from nexus.recovery.backups.create import create_backup
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.turn import Busy
from nexus.recovery.backups.turn import pruning as alone
from nexus.recovery.errors import RecoveryError
from nexus.recovery.streaming.belonging import claim

log = logging.getLogger("nexus.control")

SCHEDULE = "the schedule"
NOTHING_COUNTS = "interrupted: nothing of it counts as a backup; the next one clears it away"


@dataclass(frozen=True)
class Made:
    """What came of an operation: the backup, bytes that came or went, and what it turned out to be."""

    backup: str = ""
    size: int = 0
    what: What | None = None


class Backups:
    """The operations of one stack. `desk` says what is backed up; `database`: the control loop's file."""

    def __init__(self, desk: Callable[[], Desk], database: Path) -> None:
        self._desk = desk
        self._trail = Trail(database)
        self._journal = Journal(database)
        self._stops: set[asyncio.Event] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.runs = Runs(database)

    async def create(self, asked: CreateRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Takes a backup, and deletes what need not be kept any more.

        Raises:
            Refused: there is no database.
        """
        desk = self._desk()
        source = desk.source(scheduled=asked.who == SCHEDULE)
        with _refusing():
            async with desk.repository() as repository:
                facts = await Looker(desk, self.runs).facts(repository)
        cause = "the schedule wants it" if asked.due else f"{asked.who} asked for it"
        names = [place.name for place in facts.places]
        server = server_of(desk.stack).name
        plan = plan_backup(desk.stack.name, server, asked.kind, cause, names, facts.backups)
        emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
        if asked.plan_only:
            return
        made: list[BackupManifest] = []

        async def back_up(step: Step) -> None:
            async def take(say: Say) -> BackupManifest:
                read = time.time()
                async with desk.repository() as repository:
                    if system := await desk.system():
                        await claim(repository, system)
                    return await create_backup(source, repository, asked.kind, say, read)

            def tell(sentence: Sentence) -> None:
                emit(said(sentence))

            say = told_here(tell)
            made.append(await until_stopped(aside(lambda: take(say)), stop, NOTHING_COUNTS))

        def came_of() -> Made:
            return Made(made[0].id, made[0].size, made[0].kind) if made else Made()

        with self._at_work(stop):
            what = _what(asked.kind)
            run = self.runs.begin(what, asked.who, asked.due)
            ended = await self._carry_out(plan, {"back-up": back_up}, asked.who, emit, stop, run, came_of)
            told: dict[str, Any] = {"backup": summary(made[0], names[:1]) if made else None}
            if made and not stop.is_set():
                told["pruned"] = await self._prune_after(desk, asked.who, emit, stop)
        emit(outcome(ended.state, ended.sentence(), ended.exit_code, **told))

    async def prune(self, asked: PruneRequest, emit: Emit, stop: asyncio.Event) -> None:
        """Deletes backups and WAL that the policy does not keep.

        Raises:
            Refused: what there is cannot be read, or is in use, or the plan is not the one agreed to.
        """
        desk = self._desk()
        with ExitStack() as held:
            if not asked.plan_only:  # from before it is planned: what is needed must not change meanwhile
                with _refusing():
                    held.enter_context(alone(desk.home.root / "recovery"))
            await self._prune_as_asked(desk, asked, emit, stop)

    async def _prune_as_asked(self, desk: Desk, asked: PruneRequest, emit: Emit, stop: asyncio.Event) -> None:
        with _refusing():
            pruning = await Pruning.of(desk, self.runs)
        told = {**pruning.plan.as_dict(), "digest": pruning.digest}
        emit({"event": "plan", "plan": told, "text": pruning.plan.text()})
        if asked.plan_only:
            return
        if asked.digest and asked.digest != pruning.digest:
            raise Refused("nothing was deleted: meanwhile the plan is another; look at it again")
        with self._at_work(stop):
            ended = await self._prune(pruning, asked.who, emit, stop)
        came = {"bytes": pruning.deleted, "later": pruning.later}
        emit(outcome(ended.state, ended.sentence(), ended.exit_code, **came))

    async def interrupt(self) -> None:
        """Cuts short what is under way, and waits until it has ended."""
        for stop in self._stops:
            stop.set()
        await self._idle.wait()

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return bool(self._stops)

    def close(self) -> None:
        """Lets go of the files."""
        self._trail.close()
        self._journal.close()
        self.runs.close()

    async def _prune_after(self, desk: Desk, who: str, emit: Emit, stop: asyncio.Event) -> bool:
        """After a backup; what goes wrong here does not make the backup any worse."""
        try:
            with alone(desk.home.root / "recovery"):
                pruning = await Pruning.of(desk, self.runs)
                if pruning.plan.empty:
                    return True
                return (await self._prune(pruning, who, emit, stop)).exit_code == 0
        except Busy as error:
            log.info("nothing is pruned after this backup, but after the next one: %s", error)
            return False
        except RecoveryError as error:
            log.error("recovery.prune-failed: what need not be kept cannot be told: %s", error)
            self.runs.end(self.runs.begin("prune", who), "failed", str(error))
            return False

    async def _prune(self, pruning: Pruning, who: str, emit: Emit, stop: asyncio.Event) -> Outcome:
        """While nobody else takes, deletes or reads backups."""
        if pruning.plan.empty:
            return Outcome("nothing to do", 0)
        run = self.runs.begin("prune", who)
        return await self._carry_out(
            pruning.plan, pruning.actions(), who, emit, stop, run, lambda: Made(size=pruning.deleted)
        )

    async def _carry_out(
        self,
        plan: Plan,
        actions: Mapping[str, Action],
        who: str,
        emit: Emit,
        stop: asyncio.Event,
        run: int,
        came_of: Callable[[], Made],
    ) -> Outcome:
        """The run says how it ended, also when all ends with it. `came_of` says what came of it."""

        def tell(event: StepEvent) -> None:
            emit(step_told(event))

        if who != SCHEDULE:
            self._trail.add(who, f"{plan.title}: asked for", ())
        state: State = "interrupted"
        sentence = "interrupted: the process ended"
        try:
            ended = await execute(plan, actions, self._journal, who, tell, stop)
            state = ended.state if ended.state != "nothing to do" else "done"
            errors = "; ".join(error for _, _, error in ended.failed)
            sentence = errors or ended.sentence()
            return ended
        finally:
            made = came_of()
            self.runs.end(run, state, sentence, made.backup, made.size, made.what)
            if who != SCHEDULE:
                self._trail.add(who, f"{plan.title}: {sentence}", ())

    @contextmanager
    def _at_work(self, stop: asyncio.Event) -> Iterator[None]:
        self._stops.add(stop)
        self._idle.clear()
        try:
            yield
        finally:
            self._stops.discard(stop)
            if not self._stops:
                self._idle.set()


def _what(kind: Wish) -> What:
    """As what a run is noted until it is known what came of it."""
    return "full" if kind == "full" else "incremental"


@contextmanager
def _refusing() -> Iterator[None]:
    """What is wrong with places and keys is what the operator is refused with."""
    try:
        yield
    except RecoveryError as error:
        raise Refused(str(error)) from error
