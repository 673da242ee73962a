"""All instances of one stack: which are to run, of which release, and how they come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from nexus.control.facts import Side
from nexus.control.processes.instance import Instance
from nexus.control.processes.keeping import START_LIMIT, Keeping
from nexus.control.processes.places import alone, free_slot, fronted
from nexus.control.processes.succession import Succession
from nexus.runtimes.probes import Prober
from nexus.runtimes.process.drivers import haproxy, nginx
from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.protocol import Running
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service

LEAVING = "it leaves: requests in flight end"


class Supervisor:
    """Keeps every wanted instance running.

    `config` renders what a service's driver writes to its file; `drain` returns when an instance has no more
    requests in flight, or after so many seconds.
    """

    def __init__(
        self,
        runtime: ProcessRuntime,
        site: Site,
        prober: Prober,
        config: Callable[[Service, int], str],
        changed: Callable[[Instance], None],
        drain: Callable[[Instance, float], Awaitable[None]],
    ) -> None:
        self.runtime = runtime
        self.site = site
        self.prober = prober
        self.config = config
        self.changed = changed
        self._drain = drain
        self._keeping = Keeping(self)
        self.succession = Succession(self, self._keeping)
        self._instances: dict[str, list[Instance]] = {}
        self._reloading = asyncio.Lock()
        self._going: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Instance]:
        return (instance for each in self._instances.values() for instance in each)

    def of(self, service: str, side: Side | None = None) -> tuple[Instance, ...]:
        """The instances of a service, or those of one of its sides."""
        found = self._instances.get(service, ())
        return tuple(instance for instance in found if side in (None, instance.side))

    def fronted(self, service: Service) -> bool:
        """Whether the traffic layer holds the service's stable port, so that instances listen elsewhere."""
        return fronted(self.site.stack, service)

    def alone(self, service: Service) -> bool:
        """Whether two instances of the service cannot run side by side."""
        return alone(self.site.stack, service)

    def move(self, site: Site) -> None:
        """From now on, this is the stack: stable instances are started as it says."""
        self.site = site
        self.prober.site = site
        for instance in self:
            name = instance.service.name
            if instance.side == "stable" and instance.stays and site.stack.has(name):
                instance.service = site.stack.service(name)

    def adopt(self, found: Iterable[Running], candidates: Mapping[str, Service]) -> None:
        """Takes over instances that already run, undisturbed. `candidates`: what is being let in."""
        for running in found:
            if not self.site.stack.has(running.service):
                continue
            stable, candidate = self.site.stack.service(running.service), candidates.get(running.service)
            side: Side = "candidate" if candidate and running.release == candidate.release else "stable"
            service = candidate if candidate and side == "candidate" else stable
            instance = self._new(service, Slot(running.instance, running.port), side)
            instance.adopted(running)
            self._keeping.begin(instance)
        self.succession.take_up()

    async def start(self, service: Service, limit: float = START_LIMIT) -> None:
        """Returns when all instances the service should have are ready.

        A gateway only has to live: it is ready when it knows the keys that a module behind it publishes.

        Raises:
            StartError: one of them is not.
        """
        wanted = self.want(service)
        live = service.kind == "gateway"
        await asyncio.gather(*(instance.until_ready(limit, live) for instance in wanted))

    def want(self, service: Service, count: int = 0, side: Side = "stable") -> tuple[Instance, ...]:
        """From now on, `count` (0: as many as its manifest says) instances are to run as `service`."""
        of_side = self.of(service.name, side)
        present = [i for i in of_side if i.stays and i.service.release == service.release]
        for instance in present:
            instance.hurry()
            self._keeping.begin(instance)
        missing = (count or service.scale.min) - len(present)
        return (*present, *(self.add(service, side) for _ in range(missing)))

    def add(self, service: Service, side: Side = "stable", held: bool = False) -> Instance:
        """One more instance, which is kept from now on."""
        slot = free_slot(self.site, service, (instance.slot for instance in self))
        instance = self._new(service, slot, side)
        instance.held = held
        self._keeping.begin(instance)
        return instance

    async def stop(self, service: str, drain: float, grace: float) -> None:
        """Drains and stops all instances of a service; they are not restarted."""
        await asyncio.shield(self.retire(self.of(service), drain, grace))
        await self.succession.end(service)
        self._instances.pop(service, None)

    def retire(self, instances: Iterable[Instance], drain: float, grace: float) -> asyncio.Task[None]:
        """From now on, these get no new requests; the task ends when they are gone.

        Requests in flight have `drain` seconds, the process then `grace` seconds to end by itself.
        """
        leaving = tuple(instances)
        for instance in leaving:
            instance.wanted, instance.leaving = False, True
            if instance.running is not None:
                instance.become("degraded", LEAVING)
            self.changed(instance)
        return self._apart(self._see_off(leaving, drain, grace), "retire")

    async def renew(self, service: Service, drain: float, grace: float, limit: float = START_LIMIT) -> None:
        """Stops the instances of a service one after the other, and starts each again as `service`.

        Raises:
            StartError: one is not ready within `limit` seconds.
        """
        for instance in self.of(service.name):
            await self._end(instance, drain, grace)
            instance.service, instance.wanted, instance.leaving = service, True, False
            instance.hurry()
            self._keeping.begin(instance)
            await instance.until_ready(limit, live_is_enough=service.kind == "gateway")

    async def reload(self, service: Service) -> None:
        """Gives a proxy its present configuration; its listeners stay open all the while.

        Raises:
            StartError: it does not run on it; what ran goes on.
        """
        async with self._reloading:
            for instance in self.of(service.name):
                if instance.running is None:
                    continue
                config = self.config(service, instance.slot.port)
                if service.runtime == "nginx":
                    nginx.write(self.runtime, self.site, service, config)
                    self.runtime.signal(instance.running, nginx.RELOAD)
                    continue
                old = instance.running
                launch = haproxy.reload(self.runtime, self.site, service, instance.slot, config, old)
                await self.succession.succeed(instance, launch)

    async def let_go(self, service: str) -> tuple[Instance, ...]:
        """Keeps the instances of a service no longer, and forgets them; what runs goes on running."""
        leaving = self.of(service)
        for instance in leaving:
            await self._keeping.leave(instance)
        self._instances.pop(service, None)
        return leaving

    def take(self, running: Running, instance: Instance | None = None) -> Instance:
        """From now on, a process that was another's is kept here: as `instance`, or as a new one."""
        slot = Slot(running.instance, running.port)
        if instance is None:
            instance = self._new(self.site.stack.service(running.service), slot, "stable")
        elif instance not in self.of(running.service):
            self._instances.setdefault(running.service, []).append(instance)
        instance.slot, instance.wanted, instance.leaving = slot, True, False
        instance.adopted(running)
        instance.hurry()
        self._keeping.begin(instance)
        return instance

    async def close(self) -> None:
        """Stops watching; what runs goes on running."""
        for task in tuple(self._going):
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)
        await self.succession.close()
        for instance in tuple(self):
            await self._keeping.leave(instance)

    def forget(self, instance: Instance) -> None:
        """An instance is gone for good."""
        present = self._instances.get(instance.service.name, [])
        if instance in present:
            present.remove(instance)

    def _new(self, service: Service, slot: Slot, side: Side) -> Instance:
        instance = Instance(service, slot, self.changed, side)
        self._instances.setdefault(service.name, []).append(instance)
        return instance

    def _apart(self, work: Awaitable[None], name: str) -> asyncio.Task[None]:
        """Work that goes on when whoever asked for it is cancelled."""
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        task.set_name(name)
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        return task

    async def _see_off(self, leaving: tuple[Instance, ...], drain: float, grace: float) -> None:
        await asyncio.gather(*(self._end(instance, drain, grace) for instance in leaving))
        for instance in leaving:
            self.forget(instance)

    async def _end(self, instance: Instance, drain: float, grace: float) -> None:
        instance.wanted, instance.leaving = False, True
        await self._keeping.leave(instance)
        if instance.running is not None:
            await self._drain(instance, drain)
            await self.runtime.stop(instance.running, grace)
        instance.ended("stopped")
