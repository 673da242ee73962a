"""All that is known of a service that is being released, as one value."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from nexus.control.deploying.evidence.collected import Collected
from nexus.control.deploying.evidence.counters import Counters
from nexus.control.deploying.evidence.following import Following
from nexus.control.deploying.evidence.instances import Ends, Instances
from nexus.control.deploying.evidence.probing import Probing
from nexus.control.deploying.evidence.view import View
from nexus.releases.guard import Evidence, Figure, Health, Message, Settings, Side

if TYPE_CHECKING:
    from nexus.control.world import World

UNMEASURED = "time, 4xx and KPIs (nothing is collected)"
SILENT = "requests and KPIs (telemetry does not answer)"
UNREACHED = "probes (they cannot be sent to one side from here)"
_SIDE = frozenset(field.name for field in fields(Side)) - {"instances"}


class Gathering:
    """Gathers evidence on one service. Inside `async with`, telemetry is asked and probes are run besides."""

    def __init__(self, world: World, view: View, settings: Settings, ends: Ends) -> None:
        assert world.site is not None
        site, socket = world.site, world.home.telemetry_socket
        gateways = tuple(service.name for service in site.stack.of_kind("gateway"))
        self.view = view
        self._settings = settings
        collected = Collected(socket, gateways)
        self._following = Following(collected, view, settings) if site.stack.collects else None
        self._counters = Counters.of(site, view)
        self._instances = Instances(world.keeper, view.service.name, view.release, ends)
        self._probing = Probing(site, view)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        works = [self._probing.run(), *([self._following.run()] if self._following else [])]
        name = f"evidence on {self.view.service.name}"
        self._tasks = [asyncio.create_task(work, name=name) for work in works]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def look(self) -> Evidence:
        """What is known now."""
        told = self._following.sides if self._following else {}
        progress = self._following.progress if self._following else {}
        stable, candidate = await self._sides(told)
        instances = await self._instances.look(progress.get("usage", {}))
        self._probing.thin = candidate.requests < self._settings.least
        return Evidence(
            service=self.view.service.name,
            comparison=self.view.comparison,
            weight=self.view.weight,
            stable=replace(stable, instances=instances[0]),
            candidate=replace(candidate, instances=instances[1]),
            memory=self.view.service.resources.memory,
            cpus=self.view.service.resources.cpus,
            memory_before=progress.get("memory_before"),
            demand=self._demand_of(stable, candidate),
            figures=tuple(_figure(each) for each in progress.get("figures", ())),
            health=_health(progress.get("health", {})),
            probes=self._probing.told(progress.get("probes", {})),
            messages=tuple(Message(**each) for each in told.get("messages", ())),
            unknown=tuple(self._unknown()),
            fresh=self._following is None or self._following.fresh,
        )

    def _unknown(self) -> Iterator[str]:
        if self._following is None:
            yield UNMEASURED
        elif not self._following.sides:
            yield SILENT
        if self._probing.missing:
            yield UNREACHED

    async def _sides(self, told: Mapping[str, Any]) -> tuple[Side, Side]:
        """What telemetry told of requests, or else what the gateway counted."""
        if told:
            return _side(told["stable"]), _side(told["candidate"])
        counted = await self._counters.sides() if self._counters else None
        return counted or (Side(), Side())

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
