"""`nexus restore --into`: in the process of the command; no control loop and no living database is needed."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from nexus.control.addresses import Refused
from nexus.control.restoring.choosing import check_room
from nexus.control.restoring.elsewhere.building import Building
from nexus.control.restoring.elsewhere.draft import Draft
from nexus.control.restoring.elsewhere.planning import plan_folder, plan_stack
from nexus.control.restoring.elsewhere.source import NAME, is_place, place_of
from nexus.control.restoring.engine import Engine, after, begin, keys_of, opened
from nexus.control.restoring.figures import lost, minutes
from nexus.control.restoring.requests import Wish
from nexus.migrations.rehearsing.sentence import Say, Sentence
from nexus.plans import Action, Journal, Outcome, Plan, Step, StepEvent, execute
from nexus.postgres.programs import postgres_account
from nexus.recovery.errors import RecoveryError
from nexus.recovery.places.opening import open_place
from nexus.recovery.places.secrets import write_secret
from nexus.recovery.repository import Repository
from nexus.runtimes.home import Home, closed_to_others
from nexus.runtimes.process.drivers.postgres import binaries
from nexus.runtimes.protocol import StartError
from nexus.stack import ManifestError, Stack, load_stack
from nexus.stack.recovering import Schedule


@dataclass(frozen=True)
class Elsewhere:
    """What is asked for. `root`, `home`: of the stack here, if there is one. `place`: the name of one of its
    places, or a URL or a file that says where one is ("" = all its places); `secret`: of that place;
    `take_over`: see `Building`.
    """

    into: Path
    wish: Wish
    root: Path
    home: Home
    place: str = ""
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    override: str = ""
    take_over: bool = False

    @property
    def whole(self) -> bool:
        """Whether a stack is wanted: the path is not there. An empty folder gets the database's files."""
        return not self.into.exists()

    def check(self) -> None:
        """Whether there may be something.

        Raises:
            Refused: it is in use, or the database's user could not get there.
        """
        if self.into.exists() and (not self.into.is_dir() or any(self.into.iterdir())):
            raise Refused(
                f"{self.into} is not an empty folder; name an empty one for the database's files, or a path "
                "that is not there for a whole stack"
            )
        if self.take_over and not self.whole:
            raise Refused(f"{self.into} gets the database's files; --take-over is of a whole stack")
        closed = closed_to_others(self.into) if postgres_account() is not None else None
        if closed:
            raise Refused(f"PostgreSQL runs as a user who cannot enter {closed}; name a folder outside of it")


class Into:
    """One restore of that kind: planned by `plan`, carried out by `run`."""

    def __init__(self, asked: Elsewhere, engine: Engine, stack: Stack | None = None) -> None:
        self._asked = asked
        self._engine = engine
        self._stack = stack
        self._whole = asked.whole
        self._draft = Draft(asked.into)
        self.said: list[str] = []

    async def plan(self) -> Plan:
        """What would be done.

        Raises:
            Refused: nothing leads to the target; there is no room.
        """
        asked = self._asked
        asked.check()
        choice = await self._engine.choose(asked.wish)
        check_room(asked.into.absolute(), choice.room)
        expected = minutes(self._engine.home, choice)
        begun = begin(asked.wish, choice, self._engine.zone, time.time(), expected)
        self.begun = replace(begun, lost=await lost(self._engine, choice, self._stack))
        if not self._whole:
            return plan_folder(self.begun, str(asked.into))
        return plan_stack(self.begun, str(asked.into), str(self._draft.place), asked.take_over)

    async def run(self, plan: Plan, who: str, tell: Callable[[StepEvent], None]) -> Outcome:
        """Does it; what was killed before is begun anew.

        Raises:
            RecoveryFailed: another command is at it.
        """
        if not self._whole:
            return await _executed(plan, {"restore": self._restore}, who, tell)
        asked = self._asked
        with self._draft.held() as left:
            if left:
                self._engine.say(Sentence("what a killed restore had left was removed"))
            building = Building(self._engine, self.begun, self._draft, bool(asked.override), asked.take_over)
            self.said = building.said
            try:
                return await _executed(plan, building.actions(), who, tell)
            finally:
                self.begun = building.begun

    async def _restore(self, step: Step) -> None:
        try:
            reached = await self._engine.restore(self.begun, self._asked.into)
        except RecoveryError as error:
            raise StartError(str(error)) from error
        self.begun = after(self.begun, reached, self._engine.zone)

    def next(self) -> str:
        """The command that starts what was restored."""
        into = shlex.quote(str(self._asked.into.absolute()))
        if self._whole:
            return f"NEXUS_HOME={into} nexus up"
        apart = "-p 5499 -k /tmp -c logging_collector=off"
        start = f"{binaries() / 'postgres'} -D {into} {apart}"
        return start if postgres_account() is None else f"runuser -u postgres -- {start}"


async def _executed(
    plan: Plan, actions: Mapping[str, Action], who: str, tell: Callable[[StepEvent], None]
) -> Outcome:
    with TemporaryDirectory() as folder, contextlib.closing(Journal(Path(folder) / "journal.db")) as kept:
        return await execute(plan, actions, kept, who, tell, asyncio.Event())


@asynccontextmanager
async def opened_for(asked: Elsewhere, say: Say) -> AsyncIterator[Into]:
    """The restore, with its places open.

    Raises:
        Refused: no place is known, or its key is missing.
    """
    if is_place(asked.place):
        async with _opened_alone(asked, say) as engine:
            yield Into(asked, engine)
        return
    try:
        stack = load_stack(asked.root)
    except ManifestError as error:
        raise Refused(f"there is no stack here ({error}); say where the backups are: --from URL") from error
    async with opened(stack, asked.home, say, asked.place, asked.key) as engine:
        yield Into(asked, engine, stack)


@asynccontextmanager
async def _opened_alone(asked: Elsewhere, say: Say) -> AsyncIterator[Engine]:
    """A place that is named by itself, on a machine that knows nothing."""
    if not asked.key:
        raise Refused(
            "say with which key the backups are opened: --key FILE (the recovery kit's), or - to type it"
        )
    manifest = place_of(asked.place)
    with TemporaryDirectory() as folder:
        home = Home.at(Path(folder))
        try:
            if asked.secret:
                write_secret(home, NAME, asked.secret)
            place = open_place(NAME, manifest, asked.root, home)
            keys = keys_of(asked.key)
        except RecoveryError as error:
            raise Refused(str(error)) from error
        try:
            yield Engine(home, Repository((place,), keys, home.root / "scratch"), Schedule().zone, say)
        finally:
            await place.close()
