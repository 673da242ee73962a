"""Looks at a stack's containers again and again, and mends what the engine does not mend by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from nexus.control.containers.leftovers import Leftovers
from nexus.render.containers.files import container_specs
from nexus.render.containers.telemetry import agent
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.containers.units import sides_of, unit_of
from nexus.runtimes.protocol import StartError

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper

log = logging.getLogger("nexus.control")

LOOK_EVERY = 2.0
HUNG_AFTER = 3  # looks in a row at which an instance does not even live
LONGEST_PAUSE = 30.0


class Watch:
    """The task that looks. On a Swarm it only looks: the managers replace what ends or hangs."""

    def __init__(self, keeper: ContainerKeeper) -> None:
        self._keeper = keeper
        self._misses: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._leftovers = Leftovers(keeper)
        self._trouble = ""
        self._task = asyncio.create_task(self._look(), name="watch containers")

    async def close(self) -> None:
        """Stops looking."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._leftovers.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            site = self._keeper.site
            if site is None:
                continue
            try:
                seen = await self._keeper.glance(site)
                if self._keeper.runtime == "compose":
                    await self._mend(seen)
                self._leftovers.look(seen)
                await self._keeper.split.repeat(site)
                self._trouble = ""
            except (EngineError, StartError) as error:
                if str(error) != self._trouble:  # told once, however long it lasts
                    log.warning("looking at the containers: %s", error)
                self._trouble = str(error)
            except Exception:  # whatever happens, somebody goes on looking
                log.exception("looking at the containers met an error")

    async def _mend(self, seen: tuple[Container, ...]) -> None:
        site = self._keeper.kept
        for container in seen:
            if container.state == "degraded" and await self._hangs(container):
                await self._revive(container)
        wanted = self._keeper.wanted.names
        for service in (*site.stack.services, agent()):  # the agent last: the ERP goes first
            if service.name in wanted:
                await self._keep(service.name, service.scale.min, seen)
        for name, candidate in self._keeper.candidates.all().items():
            if name in wanted:
                await self._keep(unit_of(name, "candidate"), candidate.count, seen)

    async def _revive(self, container: Container) -> None:
        """Restarts what hangs, unless its service is in the hands of somebody who decides what stays."""
        if self._keeper.is_acted_on(container.service):
            return
        async with self._keeper.acting_on(container.service):
            log.warning("%s hangs (%s): restarted", container.instance, container.why)
            self._misses.pop(container.id, None)
            await self._keeper.containers(self._keeper.kept).revive(container)

    async def _keep(self, unit: str, count: int, seen: tuple[Container, ...]) -> None:
        """Starts what is missing of a unit."""
        alive = sum(1 for each in seen if each.unit == unit and each.state != "down")
        if alive >= count:
            self._failures.pop(unit, None)
        elif self._may(unit):
            log.warning("%s: %d of %d containers run", unit, alive, count)
            await self._start(unit)

    async def _hangs(self, container: Container) -> bool:
        """Whether it does not live any more, as opposed to waiting for a neighbour."""
        site = self._keeper.kept
        spec = next((s for s in container_specs(site.stack, {}) if s.name == container.service), None)
        if spec is None or spec.health is None:
            return False
        kind, *test = spec.health.live
        command = ["sh", "-c", *test] if kind == "CMD-SHELL" else test
        lives = await self._keeper.containers(site).answers(container, command)
        self._misses[container.id] = 0 if lives else self._misses.get(container.id, 0) + 1
        return self._misses[container.id] >= HUNG_AFTER

    def _may(self, unit: str) -> bool:
        return time.monotonic() >= self._not_before.get(unit, 0.0) and self._keeper.may_start(unit)

    async def _start(self, unit: str) -> None:
        failures = self._failures[unit] = self._failures.get(unit, 0) + 1
        pause = 0.0 if failures <= 1 else min(LONGEST_PAUSE, 0.25 * 2.0**failures)
        self._not_before[unit] = time.monotonic() + pause
        async with self._keeper.acting_on(sides_of(unit)[0]):
            await self._keeper.containers(self._keeper.kept).start(unit)
