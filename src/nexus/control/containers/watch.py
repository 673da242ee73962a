"""Looks at a stack's containers again and again, and mends what the engine does not mend by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from nexus.control.containers.letting_in import LettingIn
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
STRAY_AFTER = 10  # looks: whoever resumes an interrupted change comes first
LONGEST_PAUSE = 30.0


class Watch:
    """The task that looks. On a Swarm it only looks: the managers replace what ends or hangs."""

    def __init__(self, keeper: ContainerKeeper) -> None:
        self._keeper = keeper
        self._misses: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._strays: dict[str, int] = {}
        self._trouble = ""
        self._task = asyncio.create_task(self._look(), name="watch containers")

    async def close(self) -> None:
        """Stops looking."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

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
                await self._end_leftovers(seen)
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
                log.warning("%s hangs (%s): restarted", container.instance, container.why)
                self._misses.pop(container.id, None)
                await self._keeper.containers(site).revive(container)
        wanted = self._keeper.wanted.names
        for service in (*site.stack.services, agent()):  # the agent last: the ERP goes first
            if service.name in wanted:
                await self._keep(service.name, service.scale.min, seen)
        for name, candidate in self._keeper.candidates.all().items():
            if name in wanted:
                await self._keep(unit_of(name, "candidate"), candidate.count, seen)

    async def _keep(self, unit: str, count: int, seen: tuple[Container, ...]) -> None:
        """Starts what is missing of a unit."""
        alive = sum(1 for each in seen if each.unit == unit and each.state != "down")
        if alive >= count:
            self._failures.pop(unit, None)
        elif self._may(unit):
            log.warning("%s: %d of %d containers run", unit, alive, count)
            await self._start(unit)

    async def _end_leftovers(self, seen: tuple[Container, ...]) -> None:
        """What a killed control loop has left of a change that nobody takes up again: neither the stable
        release nor a candidate. It goes when it has been there for a while and the stable one is whole.
        """
        known = self._keeper.candidates.all()
        strays: set[str] = set()
        for each in seen:
            new = each.side == "candidate"
            if each.service not in known if new else self._beside(each, seen):
                strays.add(each.service)
        self._strays = {} if self._keeper.working else {n: self._strays.get(n, 0) + 1 for n in strays}
        for name in sorted(strays):
            if self._strays.get(name, 0) >= STRAY_AFTER and not self._keeper.working:
                log.warning("%s: containers of neither its stable release nor a candidate: they end", name)
                async with self._keeper.at_work():
                    await LettingIn(self._keeper).tidy(name)

    def _beside(self, container: Container, seen: tuple[Container, ...]) -> bool:
        """Whether a container of another release stands beside enough ready ones of the stable release."""
        stack = self._keeper.kept.stack
        if not stack.has(container.service):
            return False
        service = stack.service(container.service)
        label = self._keeper.projects.label(service)
        stable = [each for each in seen if each.unit == service.name and each.release == label]
        ready = sum(1 for each in stable if each.state == "ready")
        return container.release != label and ready >= service.scale.min

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
