"""Proxies that take over the listeners of others, which finish what they have and end."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import psutil

from nexus.control.processes.keeping import START_LIMIT
from nexus.control.processes.last_words import last_words
from nexus.control.processes.proxies import finish_limit
from nexus.runtimes.process.drivers import haproxy, nginx
from nexus.runtimes.process.identity import alive
from nexus.runtimes.protocol import Launch, Running, StartError
from nexus.stack import Service
from nexus.traffic import TrafficError
from nexus.traffic.socket import RuntimeSocket

if TYPE_CHECKING:
    from nexus.control.processes.instance import Instance
    from nexus.control.processes.keeping import Keeping
    from nexus.control.processes.supervisor import Supervisor

log = logging.getLogger("nexus.control")

POLL = 0.02
FINISH = {"haproxy": haproxy.FINISH, "nginx": nginx.FINISH}
RESERVE = 5.0  # seconds beyond those after which a proxy ends by itself


class Succession:
    """Has one process of an instance take over from another, and sees the former off."""

    def __init__(self, supervisor: Supervisor, keeping: Keeping) -> None:
        self._supervisor = supervisor
        self._keeping = keeping
        self._going: dict[int, tuple[Running, asyncio.Task[None]]] = {}

    def finishing(self) -> tuple[Running, ...]:
        """The former processes that are not gone yet."""
        return tuple(running for running, _ in self._going.values())

    async def succeed(self, instance: Instance, launch: Launch) -> None:
        """Starts what takes over an instance's listeners; then the former process finishes by itself.

        Raises:
            StartError: what was to take over does not; the former goes on.
        """
        old, runtime = instance.running, self._supervisor.runtime
        assert old is not None
        await self._keeping.leave(instance)
        try:
            new = await runtime.start(launch)
        except StartError:
            await self._go_on(instance, old)
            raise
        try:
            await self._until_taken_over(instance, new)
        except StartError:
            runtime.kill(new)
            await runtime.wait(new)
            await self._go_on(instance, old)
            raise
        except BaseException:
            self._handed_over(instance, new)
            raise
        self._handed_over(instance, new)
        self.see_off(instance.service, old)
        await instance.until_ready(START_LIMIT, live_is_enough=True)

    def take_up(self) -> None:
        """Sees off what an earlier control loop had others take over from."""
        former = self._supervisor.runtime.predecessors()
        for instance in self._supervisor:
            for old in (each for each in former if each.instance == instance.id):
                self._apart(old, self._take_up(instance, old))

    def see_off(self, service: Service, old: Running) -> None:
        """Tells a former process to finish; returns at once."""
        self._apart(old, self._see_off(service, old))

    async def end(self, service: str) -> None:
        """Ends at once what still finishes of a service."""
        for old, task in tuple(self._going.values()):
            if old.service == service:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                self._supervisor.runtime.kill(old)
                await self._supervisor.runtime.wait(old)

    async def close(self) -> None:
        """Lets what finishes do so alone."""
        tasks = [task for _, task in self._going.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _apart(self, old: Running, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"end of {old.instance}")
        self._going[old.pid] = old, task
        task.add_done_callback(lambda _: self._going.pop(old.pid, None))

    def _handed_over(self, instance: Instance, new: Running) -> None:
        instance.started(new)
        self._keeping.begin(instance)

    async def _go_on(self, instance: Instance, old: Running) -> None:
        """The former is the instance again, unless it closed its listeners already."""
        supervisor = self._supervisor
        if (await supervisor.prober.health(instance.service, instance.slot.port)).live:
            supervisor.runtime.reinstate(old)
        else:
            instance.ended("what was to take over from it ended")
            self.see_off(instance.service, old)
        self._keeping.begin(instance)

    async def _until_taken_over(self, instance: Instance, new: Running) -> None:
        give_up = time.monotonic() + START_LIMIT
        while not await self._has_taken_over(instance.service, new):
            file = self._supervisor.site.home.log(instance.service.name)
            if not alive(new.pid, new.birth):
                said = last_words(file, instance.id)
                raise StartError(f"{instance.id}: what was to take over ended: {said}; see {file}")
            if time.monotonic() > give_up:
                raise StartError(f"{instance.id}: what was to take over does not answer; see {file}")
            await asyncio.sleep(POLL)

    async def _has_taken_over(self, service: Service, new: Running) -> bool:
        """Asked of the new process itself: on the listeners, the former answers as well."""
        if service.runtime == "nginx":
            return await asyncio.to_thread(_has_workers, new.pid)
        try:
            socket = RuntimeSocket(haproxy.stats_socket(self._supervisor.site, service), START_LIMIT)
            told = re.search(r"^Pid: (\d+)$", await socket.ask("show info"), re.MULTILINE)
        except TrafficError:
            return False
        return told is not None and int(told[1]) == new.pid

    async def _take_up(self, instance: Instance, old: Running) -> None:
        try:
            await instance.until_ready(START_LIMIT, live_is_enough=True)
        except StartError:
            log.info("%s has not taken over; it is tried again without pid %d", instance.id, old.pid)
        await self._see_off(instance.service, old)

    async def _see_off(self, service: Service, old: Running) -> None:
        runtime = self._supervisor.runtime
        runtime.signal(old, FINISH[service.runtime])
        try:
            async with asyncio.timeout(finish_limit(self._supervisor.site.stack) + RESERVE):
                await runtime.wait(old)
        except TimeoutError:
            log.warning("%s: pid %d did not finish in time: killed", old.instance, old.pid)
            runtime.kill(old)
            await runtime.wait(old)


def _has_workers(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).children())
    except psutil.Error:
        return False
