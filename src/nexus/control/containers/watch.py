"""Looks at a stack's containers again and again, and mends what the engine does not mend by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from nexus.render.containers.files import container_specs
from nexus.render.containers.telemetry import agent
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import EngineError
from nexus.stack import Service

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
                self._trouble = ""
            except EngineError as error:
                if str(error) != self._trouble:  # told once, however long it lasts
                    log.warning("looking at the containers: %s", error)
                self._trouble = str(error)
            except Exception:  # whatever happens, somebody goes on looking
                log.exception("looking at the containers met an error")

    async def _mend(self, seen: tuple[Container, ...]) -> None:
        site = self._keeper.site
        assert site is not None
        for container in seen:
            if container.state == "degraded" and await self._hangs(container):
                log.warning("%s hangs (%s): restarted", container.instance, container.why)
                self._misses.pop(container.id, None)
                await self._keeper.containers(site).revive(container)
        wanted = self._keeper.wanted.names
        for service in (*site.stack.services, agent()):  # the agent last: the ERP goes first
            alive = sum(1 for each in seen if each.service == service.name and each.state != "down")
            if service.name in wanted and alive < service.scale.min and self._may(service):
                log.warning("%s: %d of %d containers run", service.name, alive, service.scale.min)
                await self._start(service)
            elif alive >= service.scale.min:
                self._failures.pop(service.name, None)

    async def _hangs(self, container: Container) -> bool:
        """Whether it does not live any more, as opposed to waiting for a neighbour."""
        site = self._keeper.site
        assert site is not None
        spec = next((s for s in container_specs(site.stack, {}) if s.name == container.service), None)
        if spec is None or spec.health is None:
            return False
        kind, *test = spec.health.live
        command = ["sh", "-c", *test] if kind == "CMD-SHELL" else test
        lives = await self._keeper.containers(site).answers(container, command)
        self._misses[container.id] = 0 if lives else self._misses.get(container.id, 0) + 1
        return self._misses[container.id] >= HUNG_AFTER

    def _may(self, service: Service) -> bool:
        return time.monotonic() >= self._not_before.get(service.name, 0.0) and not self._keeper.working

    async def _start(self, service: Service) -> None:
        failures = self._failures[service.name] = self._failures.get(service.name, 0) + 1
        pause = 0.0 if failures <= 1 else min(LONGEST_PAUSE, 0.25 * 2.0**failures)
        self._not_before[service.name] = time.monotonic() + pause
        site = self._keeper.site
        assert site is not None
        await self._keeper.containers(site).start(service.name)
