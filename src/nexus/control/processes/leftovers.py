"""Instances that nobody wants any more: they go as soon as enough of the stable release serve."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from nexus.control.processes.instance import Instance
from nexus.control.processes.releasing import ends, grace_of, superfluous
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper
    from nexus.control.processes.supervisor import Supervisor

log = logging.getLogger("nexus.control")

RETRY = 0.5


class Leftovers:
    """What an action that was cut short leaves behind, beside the recorded releases."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        self._keeper = keeper
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def settle(self, service: Service) -> asyncio.Task[None]:
        """From now on, `service` is to run as its stable release has it, and beside it its candidate alone.

        The task ends when it is so.
        """
        self.claim(service.name)
        task = asyncio.create_task(self._settle(service), name=f"leftovers of {service.name}")
        self._tasks[service.name] = task
        return task

    def claim(self, service: str) -> None:
        """An action takes over: it decides what stays."""
        task = self._tasks.pop(service, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Lets everything be as it is."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _supervisor(self) -> Supervisor:
        assert self._keeper.supervisor is not None
        return self._keeper.supervisor

    async def _settle(self, service: Service) -> None:
        supervisor = self._supervisor
        others = superfluous(self._supervisor.of(service.name, "stable"), service)
        for instance in others:
            instance.wanted = False
        if others:
            names = ", ".join(instance.id for instance in others)
            log.info("%s: %s are of no recorded release; they end when others serve", service.name, names)
        if supervisor.alone(service):
            await self._end(others)
        for instance in supervisor.want(service):
            await self._until_ready(instance)
        while not await self._reachable(service):  # which takes its time
            log.info("%s: the former instances stay until others get requests", service.name)
        await self._end(others)

    async def _until_ready(self, instance: Instance) -> None:
        while instance.state != "ready":
            try:
                await instance.until_ready(instance.service.rollout.start)
            except StartError:
                await asyncio.sleep(RETRY)

    async def _reachable(self, service: Service) -> bool:
        assert self._keeper.routing is not None
        try:
            await self._keeper.routing.reachable(service)
        except StartError as error:
            log.info("%s", error)
            return False
        return True

    async def _end(self, others: list[Instance]) -> None:
        leaving = [instance for instance in others if not instance.leaving]
        if leaving:
            service = leaving[0].service
            await ends(self._supervisor.retire(leaving, service.rollout.drain, grace_of(service)))
