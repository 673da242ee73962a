"""A takeover that is cut short between any two of its steps is finished by the next control loop."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nexus.control.candidates import Candidates
from nexus.control.charge import Charge
from nexus.control.processes.keeper import ProcessKeeper
from nexus.control.standby.actions import Actions, connected
from nexus.control.standby.keeping import StandingBy
from nexus.control.standby.moving import Moving
from nexus.control.standby.taking_over import TakingOver
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
from nexus.standby.errors import SeatTaken
from nexus.standby.members import former_member
from nexus.standby.planning import Takeover, Wish, plan_add, plan_failover

STACK = "name: bare\ninfrastructure:\n  db: {kind: database, runtime: postgres, port: 9100}\n"
STEPS = 5  # of a failover


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
        await self.run(plan, Actions(self.standing).all())

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


async def test_cut_short_before_any_of_its_steps_a_takeover_is_finished() -> None:
    async with bare() as found:
        written = set[int]()
        for done in range(STEPS + 1):
            await found.add()
            await found.write(done)
            written.add(done)
            takeover = found.takeover()
            steps = plan_failover(takeover).steps[:done]
            await found.run(Plan("the beginning", steps), TakingOver(found.standing).all())
            await found.cut()
            if found.standing.moving:
                primary = found.standing.primary
                assert primary is None or primary.running is not None  # nothing is started meanwhile
                await found.moving().on("a test")
            assert found.standing.holder == takeover.to.resolve()
            assert fence.working_in(takeover.aside) == ()
            assert not found.standing.moving
            await found.write(100 + done)
            written.add(100 + done)
            assert await found.rows() == written


async def test_what_was_not_sent_is_read_from_the_dead_primary() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        record = found.standing.records.standby
        assert record is not None
        standby = fence.working_in(Path(record.data))
        for pid in standby:
            os.kill(pid, signal.SIGSTOP)
        await found.write(2)  # the standby hears nothing of it
        for pid in fence.working_in(found.standing.holder):
            os.kill(pid, signal.SIGKILL)
        for pid in standby:
            os.kill(pid, signal.SIGCONT)
        takeover = found.takeover()
        taking = TakingOver(found.standing)
        await found.run(plan_failover(takeover), taking.all())
        assert await found.rows() == {1, 2}
        assert taking.lost is not None
        assert taking.lost.commits == 0


async def test_a_standby_that_cannot_become_the_primary_gives_the_place_back() -> None:
    async with bare() as found:
        await found.add()
        await found.write(1)
        held = found.standing.seat.held()
        record, former = found.standing.records.standby, found.standing.holder
        assert record is not None
        takeover = found.takeover()
        taking = TakingOver(found.standing)
        await found.run(Plan("the beginning", plan_failover(takeover).steps[:1]), taking.all())
        assert "has its place back" in await taking.undo("a test")
        primary = found.standing.primary
        assert primary is not None
        await primary.until_ready(30.0)
        assert found.standing.holder == former
        assert found.standing.seat.held().epoch == held.epoch + 2
        await found.write(2)
        assert await found.rows() == {1, 2}
        with pytest.raises(StartError, match="does not hold any more"):
            await taking.all()["promote"](plan_failover(takeover).steps[2])
        async with connected(found.standing.url(record.port)) as standby:
            assert await standby.fetchval("SELECT pg_is_in_recovery()")
        with pytest.raises(SeatTaken):
            found.standing.seat.check(takeover.epoch, takeover.to)


async def test_whoever_archives_goes_on_from_the_new_primary_without_a_hole() -> None:
    async with bare() as found:
        await found.add()
        record = found.standing.records.standby
        assert record is not None
        async with connected(found.standing.url()) as primary:
            await primary.execute("SELECT pg_create_physical_replication_slot('nexus_archive', true)")

        async def nobody(cause: str, since: float) -> None:
            raise AssertionError(cause)

        watching = Watching(found.standing, nobody)
        async with asyncio.timeout(20), connected(found.standing.url(record.port)) as standby:
            while not await standby.fetchval("SELECT count(*) FROM pg_replication_slots"):
                await watching.once()
        await watching.close()
        await found.run(plan_failover(found.takeover()), TakingOver(found.standing).all())
        async with connected(found.standing.url()) as primary:
            slots = await primary.fetch("SELECT slot_name, wal_status FROM pg_replication_slots")
        assert [tuple(row) for row in slots] == [("nexus_archive", "reserved")]
