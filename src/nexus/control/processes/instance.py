"""One instance under supervision: what it should be, what it is, and since when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from nexus.control.facts import InstanceFacts, Side, State
from nexus.runtimes.protocol import Running, StartError
from nexus.runtimes.site import Slot
from nexus.stack import Service

GIVE_UP_AFTER = 3  # ends in a row during a start


@dataclass(eq=False)
class Instance:
    """The present state of one instance. `changed` is called at each transition.

    `service` is what it is started as. `side`: whether it is of the release that is being let in; `promoted`:
    of that, and yet it serves beside the stable ones already. An instance that is not `wanted` is not started
    again when it ends; one that is `leaving` gets no new requests either, and one that is
    `held` none yet. `end` says how it ended last.
    """

    service: Service
    slot: Slot
    changed: Callable[[Instance], None]
    side: Side = "stable"
    running: Running | None = None
    wanted: bool = True
    leaving: bool = False
    held: bool = False
    promoted: bool = False
    state: State = "down"
    why: str = ""
    end: str = ""
    since: float = field(default_factory=time.time)
    restarts: int = 0
    failures: int = 0
    was_ready: bool = False
    live: bool = False
    task: asyncio.Task[None] | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def id(self) -> str:
        """Its name, for example `sales-1`."""
        return self.slot.instance

    @property
    def release(self) -> str:
        """What it runs; while it does not run, what it is to run."""
        return self.running.release if self.running else self.service.release

    @property
    def stays(self) -> bool:
        """Whether it is to go on: neither leaving nor left over."""
        return self.wanted and not self.leaving

    @property
    def serves(self) -> frozenset[Side]:
        """The sides whose requests it should get."""
        if self.leaving or self.held or self.running is None or not self.was_ready:
            return frozenset()
        return frozenset({self.side, "stable"}) if self.promoted else frozenset({self.side})

    def become(self, state: State, why: str = "") -> None:
        """Moves to a state; everybody who waits for a transition is woken."""
        moved = state != self.state
        self.state, self.why = state, why
        if moved:
            self.since = time.time()
            self._tell()
            self.changed(self)

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def started(self, running: Running) -> None:
        """A process exists."""
        self.running, self.was_ready, self.live = running, False, False
        self.become("starting")

    def adopted(self, running: Running) -> None:
        """A process of an earlier control loop: it counts as ready before, so that it keeps its requests."""
        self.started(running)
        self.was_ready, self.since = True, running.since

    def ready(self) -> None:
        """It answered that it is ready."""
        since = self.since
        first = self.was_ready and self.state == "starting"  # the first answer of an adopted one
        self.was_ready = self.live = True
        self.become("ready")
        if first:
            self.since = since

    def unready(self, live: bool, why: str) -> None:
        """It is not ready yet, or no longer."""
        came_alive, self.live = live and not self.live, live
        self.become("degraded" if self.was_ready else "starting", why)
        if came_alive:
            self._tell()

    def ended(self, why: str) -> None:
        """Its process is gone, or could not be started."""
        self.running, self.live = None, False
        self.end = why
        self.become("down", why)
        self._tell()

    async def pause(self, seconds: float) -> None:
        """Waits before the next attempt; `hurry` ends the wait."""
        self._wake.clear()
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def hurry(self) -> None:
        """Somebody asked for it: try again at once."""
        self.failures = 0
        self._wake.set()

    async def until_ready(self, limit: float, live_is_enough: bool = False) -> None:
        """Returns when the instance is ready (or only lives, where that is enough).

        Raises:
            StartError: it ended several times, or was not ready within `limit` seconds.
        """
        try:
            async with asyncio.timeout(limit):
                while self.state != "ready" and not (live_is_enough and self.live):
                    if self.failures >= GIVE_UP_AFTER:
                        raise StartError(f"{self.id} keeps ending: {self.why}")
                    await self._moved.wait()
        except TimeoutError:
            ended = f"; before, it {self.end}" if self.end and self.end != self.why else ""
            raise StartError(f"{self.id} is not ready after {limit:.0f} s: {self.why}{ended}") from None

    async def until_settled(self, limit: float, settle: float) -> None:
        """Returns when the instance was ready for `settle` seconds without a break.

        Raises:
            StartError: it keeps ending, or did not settle within `limit` seconds and `settle` more.
        """
        give_up = time.monotonic() + limit
        while True:
            left = give_up - time.monotonic()
            if left <= 0:
                raise StartError(f"{self.id} does not stay ready for {settle:g} s: {self.why or self.state}")
            await self.until_ready(min(left, limit))
            try:
                async with asyncio.timeout(settle):
                    while self.state == "ready":
                        await self._moved.wait()
            except TimeoutError:
                return

    def facts(self) -> InstanceFacts:
        """A snapshot."""
        running = self.running
        return InstanceFacts(
            self.id,
            running.pid if running else 0,
            self.slot.port,
            running.release if running else "",
            self.state,
            self.since,
            self.restarts,
            self.why,
            running.knows if running else frozenset(),
            side=self.side,
        )
