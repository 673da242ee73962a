"""The standby takes the primary's place: each step names the decision it belongs to, and can be repeated.

The order is the safety: the seat is moved first, so that nobody starts the old primary; then no process of
it is left; only then the standby becomes a primary. Where the standby cannot become one, the old primary
gets its seat back.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from nexus.control.processes.instance import Instance
from nexus.control.standby.actions import connected, told
from nexus.control.standby.giving_back import DONE, give_back
from nexus.control.standby.keeping import StandingBy
from nexus.control.standby.record import Former
from nexus.plans import Action, Step
from nexus.runtimes.process.drivers import driver
from nexus.runtimes.protocol import Running, StartError
from nexus.standby import StandbyError, fence, promoting
from nexus.standby.errors import Behind
from nexus.standby.members import point, standby_name, unlink
from nexus.standby.replication import replayed
from nexus.standby.wal import End, end_of

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

log = logging.getLogger("nexus.control")
FENCED = "another server took its place at {at} UTC ({why}); `nexus standby add` makes it follow that one"
STOPS_WITHIN = 60.0  # seconds that a primary has to end in order and to send what it wrote
CATCHES_UP_WITHIN = 30.0
WRITES_WITHIN = 10.0


class TakingOver:
    """The steps of one takeover.

    `has`: where both parted, in bytes of WAL; `lost`: the end of what the old primary wrote beyond that, and
    the new one lacks; None where it cannot be read. `promoted`: the standby is a primary, or was.
    """

    def __init__(self, standing: StandingBy) -> None:
        self._standing = standing
        self._instance: Instance | None = None
        self.promoted = False
        self.has = 0
        self.lost: End | None = None
        self.without_since: float | None = None

    def all(self) -> Mapping[str, Action]:
        """Action name → what carries it out."""
        found = {
            "hand_over": self.hand_over,
            "fence": self.fence,
            "catch_up": self.catch_up,
            "promote": self.promote,
            "repoint": self.repoint,
            "verify": self.verify,
        }
        return {name: told(action) for name, action in found.items()}

    async def hand_over(self, step: Step) -> None:
        """Stops a living primary in order: it ends when the standby has all it wrote."""
        async with connected(self._standing.url()) as primary:
            await primary.execute("CHECKPOINT")  # so that the stop itself is short
        self._check(step)
        self.without_since = time.monotonic()
        await self._let_go()
        running = self._instance.running if self._instance else None
        if running is not None:
            await self._standing.keeper.processes.stop(running, STOPS_WITHIN)
        await self._fence(step)

    async def fence(self, step: Step) -> None:
        """Kills whatever is left of the primary."""
        self._check(step)
        await self._let_go()
        await self._fence(step)

    async def catch_up(self, step: Step) -> None:
        """Replays what the old primary wrote and did not send, as far as its disk can be read."""
        standing, former = self._standing, Path(step.arguments["holder"])
        async with connected(self._own_url(step)) as standby:
            if not await standby.fetchval("SELECT pg_is_in_recovery()"):
                return
            self.has = await replayed(standby)
            self.lost = end = await end_of(standing.programs, former, self.has)
            if end is None:
                log.warning("the WAL in %s cannot be read; what was not sent is lost", former)
                return
            if end.commits:
                log.info("%d commits that were not sent are read from %s", end.commits, former)
            try:
                await promoting.catch_up(standby, former, end, CATCHES_UP_WITHIN)
            except Behind as error:
                if step.arguments["lossless"] == "True" or not await promoting.has_replayed(standby):
                    raise
                log.warning("%s; what is missing stays in %s", error, former)
                return
            self.lost = End(self.has - 1, self.has, 0)

    async def promote(self, step: Step) -> None:
        """Makes the standby the primary."""
        self._check(step)
        async with connected(self._own_url(step)) as standby:
            await promoting.promote(standby)
            self.promoted = True
            await self._judge(standby, step)

    async def _judge(self, standby: Connection, step: Step) -> None:
        """Where the two parted is known by now: what the old primary committed after that is lost."""
        holder, aside = Path(step.arguments["holder"]), Path(step.arguments["aside"])
        parted = await promoting.parted(standby)
        if parted is not None:
            self.has = parted
            former = aside if aside.exists() else holder
            self.lost = await end_of(self._standing.programs, former, parted)

    async def repoint(self, step: Step) -> None:
        """Has everything that means the primary mean the new one."""
        self.promoted = True
        standing, keeper = self._standing, self._standing.keeper
        database, to = standing.database, Path(step.arguments["to"])
        name = standby_name(database.name)
        record = standing.records.standby
        primary = standing.primary
        if record is not None and record.data == str(to):
            running = await self._running(name)
            point(keeper.home, database.name, to, Path(step.arguments["aside"]))
            spare = record.waited_for or (self.lost is not None and self.lost.commits == 0)
            standing.records.former = Former(step.arguments["aside"], record.synchronous, record.auto, spare)
            unlink(keeper.home, name)
            as_primary = replace(
                running, service=database.name, instance=f"{database.name}-1", release=database.release
            )
            keeper.register.hand_over(running.instance, as_primary)
            standing.records.standby = None
            assert keeper.supervisor is not None
            primary = keeper.supervisor.take(as_primary, self._instance or primary)
        if primary is None or primary.running is None:
            raise StandbyError(f"the new primary does not run; see {keeper.home.log(name)}")
        keeper.wanted.add(database.name)
        self._rename(primary)
        await standing.forward()
        held = standing.seat.held()
        if held.moving:
            standing.seat.settle(standing.seat.check(int(step.arguments["epoch"]), to))

    async def verify(self, step: Step) -> None:
        """Commits something through the stable address."""
        words = f"decision {step.arguments['epoch']}: {step.arguments['why']}"
        await promoting.write(self._standing.url(), words, WRITES_WITHIN)

    async def undo(self, why: str) -> str:
        """Gives the old primary its seat back where the standby did not become a primary; says what is."""
        return DONE if self.promoted else await give_back(self._standing, why)

    def _check(self, step: Step) -> None:
        self._standing.seat.check(int(step.arguments["epoch"]), Path(step.arguments["to"]))

    async def _let_go(self) -> None:
        supervisor = self._standing.keeper.supervisor
        assert supervisor is not None
        self._instance = next(iter(await supervisor.let_go(self._standing.database.name)), self._instance)

    async def _fence(self, step: Step) -> None:
        standing, holder = self._standing, Path(step.arguments["holder"])
        if standing.holder == Path(step.arguments["to"]).resolve():  # the place is the new primary's already
            return
        running = self._instance.running if self._instance else None
        if running is not None:
            standing.keeper.processes.kill(running)
        killed = await fence.clear(holder)
        name = standing.database.name
        for each in (name, standby_name(name)):
            fence.forget_sockets(standing.site.home.sockets(each), holder)
        if running is not None:
            await standing.keeper.processes.wait(running)
        if killed:
            log.info("%d processes of the old primary in %s were killed", killed, holder)
        if self._instance is not None:
            self._instance.ended("another server takes its place")
        if holder.exists():
            at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
            why = FENCED.format(at=at, why=step.arguments["why"])
            fence.mark(holder, why, standing.programs.account)

    def _own_url(self, step: Step) -> str:
        """The address of the server that takes over, whichever name it has by now."""
        standing, to = self._standing, step.arguments["to"]
        record = standing.records.standby
        if record is not None and record.data == to:
            instance = standing.standby
            return standing.url(instance.slot.port if instance else record.port)
        primary = standing.primary
        if primary is None:
            raise StartError("the server that was to take over does not run")
        return standing.url(primary.slot.port)

    async def _running(self, name: str) -> Running:
        """The standby's process, which its keeper lets go."""
        for instance in await self._standing.supervisor.let_go(name):
            if instance.running is not None:
                return instance.running
        raise StandbyError(f"the standby does not run; see {self._standing.keeper.home.log(name)}")

    def _rename(self, primary: Instance) -> None:
        """The server's files say what it is by now: its log goes where the primary's goes."""
        keeper, site = self._standing.keeper, self._standing.site
        assert primary.running is not None
        driver(primary.service).prepare(keeper.processes, site, primary.service, primary.slot, "")
        keeper.processes.signal(primary.running, signal.SIGHUP)
