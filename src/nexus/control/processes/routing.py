"""Keeping HAProxy's servers true: an instance gets requests when it is ready, and none before it leaves."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from nexus.control.facts import Side
from nexus.control.processes.configs import servers
from nexus.control.processes.instance import Instance
from nexus.control.processes.proxies import connections
from nexus.control.processes.shares import Shares
from nexus.render import Server
from nexus.render.haproxy import candidate_backend
from nexus.runtimes.process.drivers import haproxy
from nexus.runtimes.protocol import StartError
from nexus.stack import Service
from nexus.traffic import HaproxyRuntime, ServerBusy, ServerState, TrafficError, UnknownServer, Unreachable

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper

log = logging.getLogger("nexus.control")

COMPARE_EVERY = 10.0
REACHABLE_LIMIT = 10.0
POLL = 0.02


class Routing:
    """Compares the instances that should get requests with the servers HAProxy knows, and mends."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        self._keeper = keeper
        self.shares = Shares(keeper)
        self._dirty = asyncio.Event()
        self._mending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def changed(self, instance: Instance) -> None:
        """An instance's state changed."""
        self._dirty.set()
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name="routing")

    async def drain(self, instance: Instance, limit: float) -> None:
        """Returns when an instance that gets no new requests has none in flight, or after `limit` seconds.

        It has none when no proxy runs. One that does not answer is asked again.
        """
        if not self._fronted(instance.service):
            return
        give_up, said = time.monotonic() + limit, ""
        while time.monotonic() < give_up:
            try:
                count = await self._in_flight(instance)
                if not count:
                    return
                said = f"it still serves {count} requests"
            except TrafficError as error:
                said = str(error)
            await asyncio.sleep(5 * POLL)
        log.warning("%s ends after %g s, and so do its requests: %s", instance.id, limit, said)

    async def reachable(self, service: Service, side: Side = "stable") -> None:
        """Returns when HAProxy passes requests of that side to every instance of that release that stays.

        Raises:
            StartError: it does not within some seconds.
        """
        if not self._fronted(service):
            return
        backend = _backend(service, side)
        said = "no proxy runs"
        try:
            async with asyncio.timeout(REACHABLE_LIMIT):
                while True:
                    traffic = self._traffic()
                    if traffic is not None:
                        try:
                            await self._mend(service, traffic)
                            found = {server.id: server for server in await traffic.servers(backend)}
                            wanted = [found.get(name) for name in self._awaited(service, side)]
                            if wanted and all(server and server.state == "up" for server in wanted):
                                return
                            said = ", ".join(_told(server) for server in found.values()) or "no server"
                        except TrafficError as error:
                            said = str(error)
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise StartError(f"{service.name} runs but gets no requests: {said}") from None

    async def mend(self, service: Service) -> None:
        """Makes the proxy's servers of a service true now, as far as the proxy can be asked."""
        traffic = self._traffic()
        if traffic is None or not self._fronted(service):
            return
        try:
            await self._mend(service, traffic)
        except TrafficError as error:
            log.info("%s is mended later: %s", service.name, error)

    async def share(self) -> None:
        """Writes down how requests are shared now; returns when the running proxy does so.

        Raises:
            StartError: it has not taken the shares within some seconds.
        """
        self.shares.write()
        said = ""
        try:
            async with asyncio.timeout(REACHABLE_LIMIT):
                while True:
                    traffic = self._traffic()
                    if traffic is None:
                        return  # one that starts reads what was written
                    try:
                        await self.shares.mend(traffic)
                        return
                    except TrafficError as error:
                        said = str(error)
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise StartError(f"the gateway does not take how requests are shared: {said}") from None

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
            fronted = [service for service in site.stack.services if self._fronted(service)]
            mends = [partial(self._mend, service, traffic) for service in fronted]
            for mend in (partial(self.shares.mend, traffic), *mends):
                try:
                    await mend()
                except Unreachable:
                    log.debug("the proxy is starting; it is told its servers when it is up")
                except TrafficError as error:
                    log.info("requests are not routed as they should be yet: %s", error)

    async def _mend(self, service: Service, traffic: HaproxyRuntime) -> None:
        async with self._mending:
            for backend in _backends(service):
                wanted = self._wanted(backend)
                try:
                    known = {server.id: server for server in await traffic.servers(backend)}
                except UnknownServer:
                    if wanted or backend == service.name:
                        raise
                    continue  # it runs with settings of a time when nothing could be let in
                for name, server in wanted.items():
                    await self._let_serve(traffic, backend, server, known.get(name))
                for name in known.keys() - wanted.keys():
                    await self._take_out(traffic, known[name])

    def _awaited(self, service: Service, side: Side) -> list[str]:
        """The instances of a release that should get requests of a side, but for those that are to end."""
        assert self._keeper.supervisor is not None
        there = self._keeper.supervisor.of(service.name)
        return [i.id for i in there if i.stays and side in i.serves and i.service.release == service.release]

    async def _in_flight(self, instance: Instance) -> int:
        """Requests that the proxy passes to an instance, and connections of those that it took over from."""
        assert self._keeper.supervisor is not None
        former = self._keeper.supervisor.succession.finishing()
        count = await asyncio.to_thread(connections, former, instance.slot.port) if former else 0
        traffic = self._traffic()
        if traffic is not None:
            await self._mend(instance.service, traffic)
            for backend in _backends(instance.service):
                count += await _in_flight(traffic, backend, instance.id)
        return count

    def _wanted(self, backend: str) -> Mapping[str, Server]:
        assert self._keeper.site is not None
        return {s.id: s for s in servers(self._keeper, self._keeper.site).get(backend, ())}

    async def _let_serve(
        self, traffic: HaproxyRuntime, backend: str, server: Server, there: ServerState | None
    ) -> None:
        if there is None or there.address != f"{server.host}:{server.port}":
            await traffic.add_server(backend, server.id, server.host, server.port)
            log.info("%s gets requests of %s on %s:%d", server.id, backend, server.host, server.port)
        elif there.state in ("drain", "maintenance"):
            await traffic.ready(backend, server.id)

    async def _take_out(self, traffic: HaproxyRuntime, server: ServerState) -> None:
        """A server whose process lives finishes its requests first, however long they are."""
        supervisor = self._keeper.supervisor
        lives = supervisor is not None and any(i.id == server.id and i.running for i in supervisor)
        if lives and server.state == "up":
            await traffic.drain(server.service, server.id)
            log.info("%s gets no more requests of %s", server.id, server.service)
        if lives and await _in_flight(traffic, server.service, server.id):
            return
        try:
            await traffic.remove_server(server.service, server.id, timeout=0.5, force=not lives)
        except ServerBusy as busy:
            log.debug("%s", busy)


def _backend(service: Service, side: Side) -> str:
    return candidate_backend(service.name) if side == "candidate" else service.name


def _backends(service: Service) -> tuple[str, str]:
    return _backend(service, "stable"), _backend(service, "candidate")


async def _in_flight(traffic: HaproxyRuntime, backend: str, id: str) -> int:
    try:
        return await traffic.sessions(backend, id)
    except UnknownServer:
        return 0


def _told(server: ServerState) -> str:
    return f"{server.id} is {server.state} ({server.check})"
