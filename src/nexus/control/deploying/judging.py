"""The guard at work: looks about once a second until it knows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nexus.control.deploying.evidence import Gathering, View
from nexus.control.deploying.evidence.instances import Ends
from nexus.releases.guard import Evidence, Guard, Verdict
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.world import World

LOOK_EVERY = 1.0
SHORTEST_REST = 0.1
BAKE_PATIENCE = 30.0  # seconds beyond the bake, for what is doubted or not known yet
Phase = Literal["judge", "bake"]
Emit = Callable[[dict[str, Any]], None]


class Regression(Exception):
    """What was let in is worse; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.sentence())
        self.verdict = verdict


@dataclass(frozen=True)
class Baseline:
    """When a deploy began (seconds since the epoch): what was before is how things usually are."""

    at: float


class Clock:
    """Seconds of judging; it stands still while `pausing` is set."""

    def __init__(self, pausing: asyncio.Event | None) -> None:
        self._pausing = pausing
        self._last = time.monotonic()
        self.elapsed = 0.0

    @property
    def stands(self) -> bool:
        """Whether somebody wants it to stand still."""
        return self._pausing is not None and self._pausing.is_set()

    def tick(self) -> float:
        """The seconds so far."""
        now = time.monotonic()
        if not self.stands:
            self.elapsed += now - self._last
        self._last = now
        return self.elapsed


class Judge:
    """Judges what is let in on one stack."""

    def __init__(self, world: World, guard: Guard | None = None) -> None:
        self._world = world
        self._guard = guard or Guard()
        self._ends = Ends()
        self._began = time.time()

    def baseline(self, at: float | None = None) -> Baseline:
        """From now on (or since `at`), another deployment changes something; nothing of the former counts."""
        self._ends = Ends()
        self._began = time.time() if at is None else at
        return Baseline(self._began)

    async def step(
        self,
        service: str,
        weight: int,
        hold: float,
        patience: float,
        emit: Emit,
        pausing: asyncio.Event | None = None,
    ) -> Verdict:
        """Compares the candidate of a service, which gets `weight` percent of its requests, with the stable
        release for at least `hold` and, when there is little to go by, at most `patience` seconds.

        While `pausing` is set nothing is promoted and no time passes; a regression is seen all the same.

        Raises:
            Regression: it is worse.
            StartError: there is no candidate.
        """
        candidate = self._world.candidates.of(service)
        if candidate is None:
            raise StartError(f"{service} has no candidate that could be judged")
        view = View.step(self._service(service), candidate, weight, self._began)
        verdicts = await self._until_decided([view], "judge", hold, patience, emit, Clock(pausing))
        return verdicts[0]

    async def bake(
        self,
        services: Sequence[str],
        seconds: float,
        baseline: Baseline,
        emit: Emit,
        pausing: asyncio.Event | None = None,
    ) -> Verdict:
        """Compares services with the time before the deploy for `seconds`; returns the verdict on the last.

        Of a service that still has a candidate, that is what gets all requests. What is not known by then is
        waited for, as long as the services' patience and `BAKE_PATIENCE` allow. `pausing`: see `step`.

        Raises:
            Regression: one of them does worse.
        """
        views = [
            View.bake(self._service(name), self._world.candidates.of(name), baseline.at) for name in services
        ]
        waits = max((view.service.rollout.patience for view in views), default=0.0)
        patience = seconds + min(waits, BAKE_PATIENCE)
        verdicts = await self._until_decided(views, "bake", seconds, patience, emit, Clock(pausing))
        return verdicts[-1]

    def _service(self, name: str) -> Service:
        if self._world.site is None:
            raise StartError("nothing runs")
        return self._world.site.stack.service(name)

    async def _until_decided(
        self, views: Sequence[View], phase: Phase, hold: float, patience: float, emit: Emit, clock: Clock
    ) -> list[Verdict]:
        async with AsyncExitStack() as stack:
            gatherings = [await stack.enter_async_context(self._gathering(view)) for view in views]
            changed = stack.enter_context(self._changes({view.service.name for view in views}))
            while True:
                began = time.monotonic()
                verdicts = [
                    await self._judge(gathering, phase, hold, patience, emit, clock)
                    for gathering in gatherings
                ]
                if all(verdict.decision == "promote" for verdict in verdicts) and not clock.stands:
                    return verdicts
                await _wait(changed, max(SHORTEST_REST, LOOK_EVERY - (time.monotonic() - began)))

    def _gathering(self, view: View) -> Gathering:
        return Gathering(self._world, view, self._guard.strictness(view.comparison), self._ends)

    async def _judge(
        self, gathering: Gathering, phase: Phase, hold: float, patience: float, emit: Emit, clock: Clock
    ) -> Verdict:
        evidence = await gathering.look()
        elapsed = clock.tick()
        verdict = self._guard.judge(evidence, elapsed, hold, patience)
        emit(_picture(verdict, phase, max(0.0, hold - elapsed), clock.stands))
        if verdict.decision == "roll back":
            raise Regression(verdict)
        return verdict

    @contextmanager
    def _changes(self, services: set[str]) -> Iterator[asyncio.Event]:
        """An event that is set as soon as an instance of these changes."""
        changed = asyncio.Event()

        def listen(event: dict[str, Any]) -> None:
            self._ends.heard(event)
            if event.get("event") == "instance" and event.get("service") in services:
                changed.set()

        self._world.listeners.add(listen)
        try:
            yield changed
        finally:
            self._world.listeners.discard(listen)


async def _wait(changed: asyncio.Event, seconds: float) -> None:
    """Returns after `seconds`, or when something changed."""
    try:
        async with asyncio.timeout(seconds):
            await changed.wait()
    except TimeoutError:
        return
    changed.clear()


def _picture(verdict: Verdict, phase: Phase, left: float, stands: bool) -> dict[str, Any]:
    """What is told of a look."""
    evidence: Evidence = verdict.evidence
    told = evidence.as_dict()
    return {
        "event": "rollout",
        "service": verdict.service,
        "phase": phase,
        "weight": evidence.weight,
        "left": round(left, 1),
        "paused": stands,
        "decision": verdict.decision,
        "stable": told["stable"],
        "candidate": told["candidate"],
        "sentence": verdict.sentence(),
        "text": verdict.text,
        "told": [reason.as_dict() for reason in verdict.told()],
    }
