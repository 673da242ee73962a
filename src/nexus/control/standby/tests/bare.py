"""A database under a keeper of its own, without a control loop around it, to be cut short anywhere."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from nexus.control.candidates import Candidates
from nexus.control.charge import Charge
from nexus.control.processes.keeper import ProcessKeeper
from nexus.control.standby.actions import Actions, connected
from nexus.control.standby.keeping import StandingBy
from nexus.control.standby.moving import Moving
from nexus.control.standby.watching import Watching
from nexus.control.wanted import Wanted
from nexus.plans import Action, Journal, Plan, Step, execute
from nexus.render.tests.proxies import free_port
from nexus.runtimes.home import Home
from nexus.runtimes.process.register import Register
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service, load_stack
from nexus.standby import fence
from nexus.standby.members import former_member
from nexus.standby.planning import Takeover, Wish, plan_add

STACK = "name: bare\ninfrastructure:\n  db: {kind: database, runtime: postgres, port: 9100}\n"


@dataclass
class Bare:
    """A database under a keeper of its own, without a control loop around it. `keeper` is the present one."""

    folder: Path
    port: int
    keeper: ProcessKeeper = field(init=False)
    journal: Journal = field(init=False)

    @property
    def standing(self) -> StandingBy:
        return self.keeper.standing

    async def open(self) -> None:
        """As a control loop begins."""
        home = Home.at(self.folder / "home")
        register = Register(home.database)
        self.journal = Journal(home.database)

        def unknown(service: str, release: str) -> Service:
            raise StartError("no candidates here")

        async def adopt(service: Service) -> None:
            raise StartError("no releases here")

        charge = Charge(Wanted(register), Candidates(register, unknown), lambda event: None, adopt)
        self.keeper = ProcessKeeper(home, register, charge)
        await self.keeper.settle(Site(load_stack(self.folder), home, {"db": self.port}))
        await self.keeper.take_up()

    async def cut(self) -> None:
        """As a control loop is killed: what it started goes on running, and another begins."""
        await self.keeper.close()
        self.journal.close()
        self.keeper.register.close()
        await self.open()

    async def act(self, *actions: str) -> None:
        for action in actions:
            await self.keeper.actions()[action](Step(action, action, "db", "a test", action))

    async def add(self) -> None:
        """A standby, or the former primary as one."""
        former = self.standing.records.former
        data = Path(former.data) if former else self.standing.keeper.home.data("db@2")
        plan = plan_add("db", data, bool(former), False, Wish(), "a test")
        await self.run(plan, Actions(self.standing, asyncio.Event()).all())

    async def run(self, plan: Plan, actions: Mapping[str, Action]) -> None:
        outcome = await execute(plan, actions, self.journal, "a test", lambda event: None, asyncio.Event())
        assert outcome.exit_code == 0, outcome.sentence()

    def takeover(self) -> Takeover:
        """The decision that the standby takes over."""
        standing, home = self.standing, self.standing.keeper.home
        record, held = standing.records.standby, standing.seat.held()
        assert record is not None
        moved = standing.seat.move(held, standing.holder, Path(record.data), "a test")
        in_place = standing.holder == home.data("db").parent.resolve() / "db"
        aside = former_member(home, "db", moved.epoch) if in_place else standing.holder
        return Takeover("db", standing.holder, Path(record.data), aside, moved.epoch, "a test")

    def moving(self) -> Moving:
        async def nobody(cause: str, since: float) -> None:
            raise AssertionError("nothing is watched here")

        return Moving(self.standing, Watching(self.standing, nobody), self.journal)

    async def write(self, n: int) -> None:
        async with connected(self.standing.url()) as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS t (n int)")
            await connection.execute("INSERT INTO t VALUES ($1)", n)

    async def rows(self) -> set[int]:
        async with connected(self.standing.url()) as connection:
            return {row["n"] for row in await connection.fetch("SELECT n FROM t")}


def working(data: Path, name: str) -> int:
    """The process of a server in a data folder that has `name` in its title; others come and go meanwhile."""
    for pid in fence.working_in(data):
        with suppress(psutil.NoSuchProcess):
            if name in " ".join(psutil.Process(pid).cmdline()):
                return pid
    raise AssertionError(f"no {name} works in {data}")


@asynccontextmanager
async def bare() -> AsyncIterator[Bare]:
    folder = Path(tempfile.mkdtemp(prefix="nexus-bare-"))
    folder.chmod(0o755)
    (folder / "nexus.yaml").write_text(STACK)
    found = Bare(folder, free_port())
    Home.at(folder / "home").prepare()
    await found.open()
    try:
        await found.act("secrets", "initialise", "start")
        yield found
    finally:
        await found.act("stop")
        await found.keeper.close()
        found.journal.close()
        found.keeper.register.close()
        shutil.rmtree(folder)
        shutil.rmtree(found.keeper.home.run, ignore_errors=True)
