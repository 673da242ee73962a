"""The stream as long as it is told the same: what happens about once a second, side by side."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from nexus.postgres.synchronous import wait_for
from nexus.recovery import layout
from nexus.recovery.errors import Damaged, RecoveryError
from nexus.recovery.streaming import reporting, rooms, server
from nexus.recovery.streaming.depot import Depot
from nexus.recovery.streaming.guards import Disk
from nexus.recovery.streaming.keeping import Keeping
from nexus.recovery.streaming.position import Contradicts, Diverged
from nexus.recovery.streaming.sealer import Written
from nexus.recovery.streaming.server import NAME, Facts, Sender
from nexus.recovery.streaming.standing import Standing
from nexus.recovery.streaming.synchrony import Synchrony
from nexus.recovery.streaming.told import Told
from nexus.recovery.streaming.watch import Away, Watch
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import StartError

log = logging.getLogger("nexus.recovery")

EVERY = 1.0  # seconds between two looks, two rounds of sealing
FRESH = 5.0  # seconds for which what the server said counts
SHORTLY = 3.0  # seconds without a receiver that are nobody's trouble
LONGEST_PAUSE, REFUSED_PAUSE = 5.0, 30.0


class Session:
    """`standing` outlives it: what is known from one session to the next."""

    def __init__(self, home: Home, told: Told, standing: Standing) -> None:
        self._home = home
        self.policy = told.policy
        self.standing = standing
        self.watch = Watch(told.url)
        self.depot = Depot(home, told, standing.covered)
        self.keeping = Keeping(home, self.watch, self.depot.sealer, standing.tell_gap)
        self.synchrony = Synchrony()
        self.disk = Disk(rooms.root(home), self.policy.reserve)
        self._received = time.monotonic()  # when a receiver was last seen at work
        self._failures = 0

    async def run(self) -> None:
        """Streams until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for each in (self._look, self._receive, self._seal, self._report):
                tasks.create_task(self._for_ever(each), name=f"stream: {each.__name__}")

    async def end(self, leaves: bool) -> None:
        """Ends orderly: all that was received is sealed. `leaves`: nothing follows, so that commits that
        prefer to wait for the archive no longer do.
        """
        if leaves and self.synchrony.waiting and self.policy.synchronous == "prefer":
            await self._let_commits_wait(False)
        elif leaves and self.synchrony.waiting:
            log.warning("commits wait until the archive is back (recovery.synchronous: require)")
        await self.keeping.receiver.stop()
        await self._seal()
        await self.depot.close(leaves)
        self.depot.look(self.sealed, self.segment)
        self.standing.write()
        await self.watch.close()

    @property
    def facts(self) -> Facts | None:
        """What the server said within the last seconds."""
        heard = self.watch.heard
        return self.watch.facts if heard is not None and time.monotonic() - heard < FRESH else None

    @property
    def sender(self) -> Sender | None:
        """The server's end of this receiver; None before the server was asked about it."""
        facts, receiver = self.facts, self.keeping.receiver
        return facts.sender if facts and receiver.runs and self.watch.asked >= receiver.started else None

    @property
    def segment(self) -> int:
        """The size of the WAL's segments."""
        return self.watch.facts.segment if self.watch.facts else layout.SEGMENT_BYTES

    @property
    def sealed(self) -> int | None:
        """Up to where the WAL is in the local place."""
        return reporting.end(self.depot.sealer.held, self.watch.facts, self.keeping.line, self.segment)

    async def _for_ever(self, once: Callable[[], Awaitable[None]]) -> None:
        while True:
            began = time.monotonic()
            try:
                await once()
            except Exception:
                log.exception("the stream met what it does not know; it goes on")
            await asyncio.sleep(max(0.05, EVERY - (time.monotonic() - began)))

    async def _look(self) -> None:
        """Looks at the disk, asks the server, and has commits wait for the archive, or not."""
        self.disk.look(time.monotonic())
        self.standing.troubles.say("disk", self.disk.trouble(), left=self.disk.full_in())
        facts = await self.watch.look()
        if facts is None:
            return
        now = time.monotonic()
        self.standing.hear(facts, now)
        if facts.recovering:
            return
        wanted = self.synchrony.decide(self.policy, facts, now)
        if wanted is not None:
            await self._let_commits_wait(wanted)
        self.standing.troubles.say("synchronous", self.synchrony.trouble(self.policy, now))

    async def _let_commits_wait(self, wanted: bool) -> None:
        try:
            async with self.watch.asking() as connection:
                await wait_for(connection, NAME, wanted)
        except Away as error:
            log.warning("the server cannot be told whether commits wait for the archive: %s", error)
            return
        self.synchrony.waiting = wanted
        log.info("commits %s for the archive", "wait" if wanted else "do not wait")

    async def _receive(self) -> None:
        """From the receiver's start to its end."""
        facts = self.facts
        if not self.policy.stream:
            await self._drop(facts)
        elif facts is None or facts.recovering or self.disk.low:
            self._missed(self.watch.away or "it recovers")
        else:
            await self._receive_from(facts)

    async def _receive_from(self, facts: Facts) -> None:
        pause = 0.0
        try:
            await self._claim(facts.system)
            await self._seal()  # what is here already, before more comes
            await self.keeping.begin(facts, self.policy.synchronous != "off")
            await self._while_it_runs()
            self._missed(self.keeping.receiver.said or "the receiver ended")
            pause = REFUSED_PAUSE if self.standing.troubles.has("refused") else 0.0
        except Diverged as error:
            self._refuse(error)
            pause = REFUSED_PAUSE
        except (Away, RecoveryError, StartError, OSError) as error:
            self._missed(str(error))
        finally:
            await self.keeping.receiver.stop()
        await asyncio.sleep(pause or min(LONGEST_PAUSE, 0.2 * 2.0 ** min(self._failures, 6)))

    async def _claim(self, system: str) -> None:
        """The local place is this cluster's. While nobody can say so, what is received stays here."""
        try:
            await self.depot.claim(system)
        except Damaged as error:
            self.standing.troubles.say("local", f"what is received cannot be sealed: {error}")

    async def _while_it_runs(self) -> None:
        """Until it ends, the disk has no room, or another server is in the place of the one it listens to."""
        receiver, began = self.keeping.receiver, time.monotonic()
        ending = asyncio.create_task(receiver.wait(), name="wait for the receiver")
        try:
            while not ending.done() and not self.disk.low and self.watch.address() == receiver.url:
                await asyncio.wait({ending}, timeout=EVERY)
                if self.sender is not None:
                    self._received = time.monotonic()
                    self.standing.troubles.say("away", None)
                    if not self.keeping.sealer.doubtful:
                        self.standing.troubles.say("refused", None)
        finally:
            ending.cancel()
        self._failures = 0 if time.monotonic() - began > 2 * LONGEST_PAUSE else self._failures + 1

    async def _drop(self, facts: Facts | None) -> None:
        """Nothing is to be streamed: the server keeps no WAL for it."""
        self.standing.troubles.say("away", None)
        if facts is not None and facts.slot is not None:
            async with self.watch.asking() as connection:
                await server.drop_slot(connection)

    def _missed(self, why: str) -> None:
        """Nothing is received now."""
        if self.disk.low:  # that is told already
            self.standing.troubles.say("away", None)
        elif time.monotonic() - self._received > SHORTLY and not self.standing.troubles.has("refused"):
            self.standing.troubles.say("away", f"nothing is received from the server: {why}")

    async def _seal(self) -> None:
        """Seals what was received; what cannot be sealed now stays here."""
        sender = self.sender
        place = Written(self.facts.timeline, sender.written) if sender and self.facts else None
        try:
            await self.depot.seal(place)
            self.standing.troubles.say("local", None)
        except Contradicts as error:
            self._refuse(error)
            await self.keeping.refuse(error.folder)
        except (RecoveryError, OSError) as error:
            self.standing.troubles.say("local", f"what is received cannot be sealed: {error}")
        self.standing.troubles.say("kit", self.depot.kit_fault or None)
        await self.standing.look_for_full(self.depot.repository, time.monotonic())

    def _refuse(self, error: Diverged) -> None:
        self.standing.troubles.say("refused", str(error))
        self.standing.troubles.say("away", None)

    async def _report(self) -> None:
        """Writes down how it is."""
        self.depot.look(self.sealed, self.segment)
        reporting.status(self, self._home).write(rooms.status(self._home))
