"""Keeping HAProxy's servers true: an instance gets requests when it is ready, and none before it leaves."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from nexus.control.processes.configs import servers
from nexus.control.processes.instance import Instance
from nexus.runtimes.process.drivers import haproxy
from nexus.runtimes.protocol import StartError
from nexus.stack import Service
from nexus.traffic import HaproxyRuntime, TrafficError, Unreachable

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper

log = logging.getLogger("nexus.control")

COMPARE_EVERY = 10.0
REACHABLE_LIMIT = 10.0
POLL = 0.02
DRAIN_LIMIT = 2.0


class Routing:
    """Compares the instances that should get requests with the servers HAProxy knows, and mends."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        self._keeper = keeper
        self._dirty = asyncio.Event()
        self._mending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def changed(self, instance: Instance) -> None:
        """An instance's state changed."""
        self._dirty.set()
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name="routing")

    async def drain(self, instance: Instance) -> None:
        """Lets an instance that is about to stop finish its requests; it gets no new ones."""
        traffic = self._traffic()
        if traffic is None or not self._fronted(instance.service):
            return
        try:
            await traffic.drain(instance.service.name, instance.id)
            await traffic.drained(instance.service.name, instance.id, DRAIN_LIMIT)
        except TrafficError as error:
            log.info("%s was not drained: %s", instance.id, error)

    async def reachable(self, service: Service) -> None:
        """Returns when HAProxy passes requests to every ready instance of a service.

        Raises:
            StartError: it does not within some seconds.
        """
        if not self._fronted(service):
            return
        said = "no proxy runs"
        try:
            async with asyncio.timeout(REACHABLE_LIMIT):
                while True:
                    traffic = self._traffic()
                    if traffic is not None:
                        try:
                            await self._mend(service, traffic)
                            found = await traffic.servers(service.name)
                            if found and all(server.state == "up" for server in found):
                                return
                            said = ", ".join(f"{s.id} is {s.state} ({s.check})" for s in found) or "no server"
                        except TrafficError as error:
                            said = str(error)
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise StartError(f"{service.name} runs but gets no requests: {said}") from None

    async def close(self) -> None:
        """Stops comparing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _fronted(self, service: Service) -> bool:
        return self._keeper.supervisor is not None and self._keeper.supervisor.fronted(service)

    def _traffic(self) -> HaproxyRuntime | None:
        """The running proxy, or None."""
        site, supervisor = self._keeper.site, self._keeper.supervisor
        if site is None or supervisor is None:
            return None
        for gateway in site.stack.of_kind("gateway"):
            if gateway.runtime == "haproxy" and any(i.running for i in supervisor.of(gateway.name)):
                return HaproxyRuntime(haproxy.stats_socket(site, gateway))
        return None

    async def _keep(self) -> None:
        while True:
            try:
                async with asyncio.timeout(COMPARE_EVERY):
                    await self._dirty.wait()
            except TimeoutError:
                log.debug("comparing without a change")
            self._dirty.clear()
            traffic, site = self._traffic(), self._keeper.site
            if traffic is None or site is None:
                continue
            for service in site.stack.services:
                if not self._fronted(service):
                    continue
                try:
                    await self._mend(service, traffic)
                except Unreachable:
                    break  # the proxy is starting; it is told its servers when it is up
                except TrafficError as error:
                    log.info("%s is not routed yet: %s", service.name, error)

    async def _mend(self, service: Service, traffic: HaproxyRuntime) -> None:
        async with self._mending:
            assert self._keeper.site is not None
            wanted = {s.id: s for s in servers(self._keeper, self._keeper.site).get(service.name, ())}
            known = {server.id: server for server in await traffic.servers(service.name)}
            for name, server in wanted.items():
                there = known.get(name)
                if there is None or there.address != f"{server.host}:{server.port}":
                    await traffic.add_server(service.name, name, server.host, server.port)
                    log.info("%s gets requests on %s:%d", name, server.host, server.port)
            for name in known.keys() - wanted.keys():
                await traffic.remove_server(service.name, name, timeout=0.5, force=True)
                log.info("%s gets no more requests", name)
