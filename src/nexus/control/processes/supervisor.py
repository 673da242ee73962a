"""Keeps every wanted instance running: starts it, probes it, restarts it when it dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator

from nexus.control.processes.instance import Instance
from nexus.runtimes import ports
from nexus.runtimes.probes import Prober
from nexus.runtimes.process.drivers import driver, haproxy, nginx
from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.protocol import Running, StartError
from nexus.runtimes.site import LOOPBACK, Site, Slot
from nexus.stack import Service

log = logging.getLogger("nexus.control")

PROBE_EVERY = 2.0
PROBE_STARTING_EVERY = 0.05
PROBE_DEGRADED_EVERY = 0.5
START_LIMIT = 60.0
HUNG_AFTER = 3  # failed live probes in a row
STABLE_AFTER = 30.0  # seconds of life after which an end counts as the first again
LONGEST_PAUSE = 30.0
RELOAD_GRACE = 30.0


def back_off(failures: int) -> float:
    """Seconds to wait before start number `failures` + 1: none at first, then 0.25, 0.5, 1 ... 30."""
    return 0.0 if failures <= 1 else min(LONGEST_PAUSE, 0.25 * 2.0 ** (failures - 2))


class Supervisor:
    """All instances of one stack. `config` renders what a service's driver writes to its file."""

    def __init__(
        self,
        runtime: ProcessRuntime,
        site: Site,
        prober: Prober,
        config: Callable[[Service, int], str],
        changed: Callable[[Instance], None],
        leaving: Callable[[Instance], Awaitable[None]],
    ) -> None:
        self.runtime = runtime
        self.site = site
        self.prober = prober
        self._config = config
        self._changed = changed
        self._leaving = leaving
        self._instances: dict[str, list[Instance]] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Instance]:
        return (instance for each in self._instances.values() for instance in each)

    def of(self, service: str) -> tuple[Instance, ...]:
        """The instances of a service."""
        return tuple(self._instances.get(service, ()))

    def move(self, site: Site) -> None:
        """From now on, this is the stack: services are started as it says."""
        self.site = site
        self.prober.site = site
        for instance in self:
            if site.stack.has(instance.service.name):
                instance.service = site.stack.service(instance.service.name)

    def adopt(self, found: Iterable[Running]) -> None:
        """Takes over instances that already run, undisturbed."""
        for running in found:
            if not self.site.stack.has(running.service):
                continue
            slot = Slot(running.instance, running.port)
            instance = self._new(self.site.stack.service(running.service), slot)
            instance.adopted(running)
            self._keep_in_task(instance)

    async def start(self, service: Service, limit: float = START_LIMIT) -> None:
        """Returns when all instances the service should have are ready.

        A gateway only has to live: it is ready when it knows the keys that a module behind it publishes.

        Raises:
            StartError: one of them is not.
        """
        self.want(service)
        live = service.kind == "gateway"
        await asyncio.gather(*(instance.until_ready(limit, live) for instance in self.of(service.name)))

    def want(self, service: Service) -> None:
        """From now on, the service's instances are to run."""
        present = {instance.id: instance for instance in self.of(service.name)}
        for number in range(1, service.scale.min + 1):
            name = f"{service.name}-{number}"
            instance = present.get(name) or self._new(service, Slot(name, self._port(service, number)))
            instance.wanted = True
            instance.hurry()
            if instance.task is None or instance.task.done():
                self._keep_in_task(instance)

    async def stop(self, service: str, grace: float) -> None:
        """Drains and stops all instances of a service; they are not restarted."""
        await asyncio.gather(*(self._stop(instance, grace) for instance in self.of(service)))
        self._instances.pop(service, None)

    async def restart(self, service: Service, grace: float, limit: float = START_LIMIT) -> None:
        """Replaces the instances of a service one after the other."""
        for instance in self.of(service.name):
            await self._stop(instance, grace)
            instance.service = service
            instance.wanted = True
            instance.hurry()
            self._keep_in_task(instance)
            await instance.until_ready(limit)

    async def reload(self, service: Service) -> None:
        """Gives a proxy its present configuration; its listeners stay open all the while."""
        for instance in self.of(service.name):
            old = instance.running
            if old is None:
                continue
            config = self._config(service, instance.slot.port)
            if service.runtime == "nginx":
                nginx.write(self.runtime, self.site, service, config)
                self.runtime.signal(old, nginx.RELOAD)
                continue
            await self._leave(instance)
            launch = haproxy.reload(self.runtime, self.site, service, instance.slot, config, old)
            instance.started(await self.runtime.start(launch))
            task = asyncio.create_task(self._retire(old), name=f"retire {instance.id}")
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)
            self._keep_in_task(instance)
            await instance.until_ready(START_LIMIT, live_is_enough=True)

    async def close(self) -> None:
        """Stops watching; what runs goes on running."""
        for instance in self:
            await self._leave(instance)
        for task in tuple(self._retiring):
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    def _new(self, service: Service, slot: Slot) -> Instance:
        instance = Instance(service, slot, self._changed)
        self._instances.setdefault(service.name, []).append(instance)
        return instance

    def fronted(self, service: Service) -> bool:
        """Whether the traffic layer holds the service's stable port, so that instances listen elsewhere."""
        return service.kind == "module" and any(
            g.runtime == "haproxy" for g in self.site.stack.of_kind("gateway")
        )

    def _port(self, service: Service, number: int) -> int:
        if self.fronted(service):
            avoid = {*self.site.ports.values(), *(instance.slot.port for instance in self)}
            return next(ports.instance_ports(self.site.home.root, avoid))
        if number > 1:
            raise StartError(
                f"{service.name}: several instances on port {self.site.ports[service.name]} need a gateway; "
                "add one with `runtime: haproxy`, or set `scale: {min: 1}`"
            )
        return self.site.ports[service.name]

    def _keep_in_task(self, instance: Instance) -> None:
        instance.task = asyncio.create_task(self._keep(instance), name=f"keep {instance.id}")

    async def _leave(self, instance: Instance) -> None:
        if instance.task is not None:
            instance.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await instance.task
            instance.task = None

    async def _stop(self, instance: Instance, grace: float) -> None:
        instance.wanted = False
        await self._leave(instance)
        if instance.running is not None:
            await self._leaving(instance)
            await self.runtime.stop(instance.running, grace)
        instance.ended("stopped")

    async def _retire(self, old: Running) -> None:
        try:
            async with asyncio.timeout(RELOAD_GRACE):
                await self.runtime.wait(old)
        except TimeoutError:
            self.runtime.kill(old)

    async def _keep(self, instance: Instance) -> None:
        while instance.wanted:
            try:
                await self._live_once(instance)
            except Exception as error:  # whatever happens, the instance is kept
                log.exception("%s: keeping it met an error", instance.id)
                instance.failures += 1
                instance.why = f"{type(error).__name__}: {error}"
            await instance.pause(back_off(instance.failures))

    async def _live_once(self, instance: Instance) -> None:
        """From the start of a process (unless it runs already) to its end."""
        if instance.running is not None or await self._launch(instance):
            running = instance.running
            assert running is not None
            began = time.monotonic()
            probing = asyncio.create_task(self._probe(instance), name=f"probe {instance.id}")
            try:
                code = await self.runtime.wait(running)
            finally:
                probing.cancel()
            lived = time.monotonic() - began
            instance.failures = 1 if lived > STABLE_AFTER else instance.failures + 1
            instance.restarts += 1
            how = "was ended" if code is None else f"ended with exit code {code}"
            log.warning("%s (pid %d) %s after %.1f s", instance.id, running.pid, how, lived)
            instance.ended(f"{how}; see {self.site.home.log(instance.service.name)}")

    async def _launch(self, instance: Instance) -> bool:
        service = instance.service
        try:
            if self.fronted(service) and ports.state(LOOPBACK, instance.slot.port) != "free":
                instance.slot = Slot(instance.id, self._port(service, 0))
            config = self._config(service, instance.slot.port)
            launch = driver(service).prepare(self.runtime, self.site, service, instance.slot, config)
            running = await self.runtime.start(launch)
        except (StartError, OSError) as error:
            instance.failures += 1
            log.error("%s cannot be started: %s", instance.id, error)
            instance.ended(str(error))
            return False
        log.info(
            "%s started: pid %d, port %d, release %s", instance.id, running.pid, running.port, running.release
        )
        instance.started(running)
        return True

    async def _probe(self, instance: Instance) -> None:
        misses, began = 0, time.monotonic()
        while True:
            asked = time.monotonic()
            health = await self.prober.health(instance.service, instance.slot.port)
            if health.ready:
                instance.ready()
            else:
                instance.unready(health.live, health.why)
            counts = instance.was_ready or asked - began > START_LIMIT
            misses = 0 if health.live or not counts else misses + 1
            if misses >= HUNG_AFTER and instance.running is not None:
                log.warning("%s hangs (%s): killed", instance.id, health.why)
                self.runtime.kill(instance.running)
                return
            every = PROBE_STARTING_EVERY
            if instance.was_ready:
                every = PROBE_EVERY if health.ready or not health.live else PROBE_DEGRADED_EVERY
            await asyncio.sleep(max(every - (time.monotonic() - asked), PROBE_STARTING_EVERY))
