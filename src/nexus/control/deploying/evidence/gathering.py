"""All that is known of a service that is being released, as one value."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import fields, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from nexus.control.deploying.evidence.collected import Collected
from nexus.control.deploying.evidence.counters import Counters
from nexus.control.deploying.evidence.instances import Instances, Restarts
from nexus.control.deploying.evidence.probing import Probing
from nexus.control.deploying.evidence.view import View
from nexus.releases.guard import Evidence, Figure, Health, Message, Settings, Side

if TYPE_CHECKING:
    from nexus.control.world import World

PROGRESS_EVERY = 3.0  # seconds; what tells of the business is asked every 10 s at most
UNMEASURED = "time, 4xx and KPIs (nothing is collected)"
SILENT = "requests and KPIs (telemetry does not answer)"
UNREACHED = "probes (they cannot be sent to one side from here)"
_SIDE = frozenset(field.name for field in fields(Side)) - {"instances"}


class Gathering:
    """Gathers evidence on one service. Inside `async with`, probes are run besides."""

    def __init__(self, world: World, view: View, restarts: Restarts) -> None:
        assert world.site is not None
        site = world.site
        gateways = tuple(service.name for service in site.stack.of_kind("gateway"))
        self.view = view
        self._collected = Collected(world.home.telemetry_socket, gateways) if site.stack.collects else None
        self._counters = Counters.of(site, view)
        self._instances = Instances(world.keeper, view.service.name, view.release, restarts)
        self._probing = Probing(site, view)
        self._task: asyncio.Task[None] | None = None
        self._told: dict[str, Any] = {}
        self._progress: dict[str, Any] = {}
        self._asked = float("-inf")
        self._demand: float | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._probing.run(), name=f"probes of {self.view.service.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def look(self, settings: Settings) -> Evidence:
        """What is known now."""
        _, progress = await asyncio.gather(self._requests(settings), self._business())
        unknown = [UNREACHED] if self._probing.missing else []
        if self._told:
            stable, candidate = _side(self._told["stable"]), _side(self._told["candidate"])
        else:
            unknown.append(SILENT if self._collected else UNMEASURED)
            stable, candidate = await self._counted()
        instances = await self._instances.look(progress.get("usage", {}))
        self._probing.thin = candidate.requests < settings.least
        return Evidence(
            service=self.view.service.name,
            comparison=self.view.comparison,
            weight=self.view.weight,
            stable=replace(stable, instances=instances[0]),
            candidate=replace(candidate, instances=instances[1]),
            memory=self.view.service.resources.memory,
            cpus=self.view.service.resources.cpus,
            demand=self._demand_of(stable, candidate),
            figures=tuple(_figure(each) for each in progress.get("figures", ())),
            health=_health(progress.get("health", {})),
            probes=self._probing.told(progress.get("probes", {})),
            messages=tuple(Message(**each) for each in self._told.get("messages", ())),
            unknown=tuple(unknown),
        )

    async def _requests(self, settings: Settings) -> None:
        """What is known of requests stays known while telemetry does not answer."""
        if self._collected:
            self._told = await self._collected.sides(self.view, settings) or self._told

    async def _counted(self) -> tuple[Side, Side]:
        counted = await self._counters.sides() if self._counters else None
        return counted or (Side(), Side())

    async def _business(self) -> dict[str, Any]:
        """The answer that is known; a new one every few seconds."""
        now = time.monotonic()
        if self._collected and now - self._asked >= PROGRESS_EVERY:
            self._asked = now
            self._progress = await self._collected.progress(self.view) or self._progress
        return self._progress

    def _demand_of(self, stable: Side, candidate: Side) -> float | None:
        """Requests a second now over those before, where both are known."""
        view, seconds = self.view, time.time() - self.view.since
        if view.stable_until is None or not stable.requests or seconds <= 0:
            return None
        before = stable.requests / (view.stable_until - view.stable_since)
        return candidate.requests / seconds / before


def _side(told: dict[str, Any]) -> Side:
    return Side(**{name: value for name, value in told.items() if name in _SIDE})


def _figure(told: dict[str, Any]) -> Figure:
    return Figure(**{**told, "before": tuple(told["before"]), "now": tuple(told["now"])})


def _health(told: dict[str, Any]) -> Health:
    return Health(tuple(told.get("before", ())), tuple(told.get("now", ())), told.get("why", ""))
