"""Keeps a stack that runs as processes of this machine."""

from __future__ import annotations

import asyncio
import compileall
import contextlib
import logging
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from nexus.control.charge import Charge
from nexus.control.facts import Facts, InstanceFacts
from nexus.control.keeper import RuntimeName
from nexus.control.processes.actions import Actions
from nexus.control.processes.configs import render
from nexus.control.processes.demands import demands
from nexus.control.processes.instance import Instance
from nexus.control.processes.keys import Keys
from nexus.control.processes.leftovers import Leftovers
from nexus.control.processes.observe import observe, observe_instances, outdated
from nexus.control.processes.routing import Routing
from nexus.control.processes.supervisor import Supervisor
from nexus.control.standby.keeping import StandingBy
from nexus.plans import Action
from nexus.runtimes.home import Home
from nexus.runtimes.probes import Prober
from nexus.runtimes.process import ProcessRuntime, building
from nexus.runtimes.process.drivers import postgres
from nexus.runtimes.process.register import Register
from nexus.runtimes.protocol import Account, StartError
from nexus.runtimes.site import Site
from nexus.stack import Service, Stack

log = logging.getLogger("nexus.control")


class ProcessKeeper:
    """The supervisor of the processes, the traffic in front of them, and the gateway's keys."""

    runtime: RuntimeName = "process"

    def __init__(self, home: Home, register: Register, charge: Charge) -> None:
        self.home = home
        self.register = register
        self.wanted = charge.wanted
        self.candidates = charge.candidates
        self.adopt = charge.adopt
        self.processes = ProcessRuntime(home, register)
        self.site: Site | None = None
        self.supervisor: Supervisor | None = None
        self.routing: Routing | None = None
        self.keys: Keys | None = None
        self.leftovers = Leftovers(self)
        self.standing = StandingBy(self)
        self._tell = charge.tell

    @property
    def busy(self) -> bool:
        return self.supervisor is not None and any(instance.running for instance in self.supervisor)

    def instances(self) -> Mapping[str, tuple[InstanceFacts, ...]]:
        return observe_instances(self)

    def ended(self) -> Mapping[str, tuple[InstanceFacts, ...]]:
        return {}

    def complete(self, stack: Stack) -> bool:
        return False

    def ours(self, site: Site) -> Mapping[str, int]:
        kept, supervisor = self.site, self.supervisor
        if kept is None or supervisor is None:
            return {}
        gateways = kept.stack.of_kind("gateway")
        fronting = any(i.running for gateway in gateways for i in supervisor.of(gateway.name))
        return {
            service.name: kept.ports[service.name]
            for service in kept.stack.services
            if (supervisor.fronted(service) and fronting)
            or any(instance.running for instance in supervisor.of(service.name))
        }

    async def check(self, site: Site) -> None:
        demands(site.stack)

    async def observe(self, site: Site, notes: tuple[str, ...] = ()) -> Facts:
        return await observe(self, site, notes)

    async def running(self) -> Facts:
        return Facts(self.site.ports if self.site else {}, self.instances())

    async def unbuilt(self, site: Site, services: Iterable[str]) -> Mapping[str, str]:
        found = (site.stack.service(name) for name in services)
        return {
            service.name: f"release {service.release} is not built"
            for service in found
            if not building.built(site, service)
        }

    async def settle(self, site: Site) -> None:
        self.home.furnish()
        await asyncio.to_thread(_read_sources, site.stack)
        self.site = site
        if self.supervisor is None:
            self.keys = Keys(self)
            self.routing = Routing(self)
            self.supervisor = Supervisor(
                self.processes, site, Prober(site), self.config, self._changed, self.routing.drain
            )
        else:
            self.supervisor.move(site)
        assert self.keys is not None
        self.keys.watch()

    async def take_up(self) -> None:
        assert self.site is not None
        assert self.supervisor is not None
        candidates = self._candidates()
        found = await self.processes.observe()
        self.supervisor.adopt(found, candidates)
        await self.standing.take_up(found)
        for name in self.wanted.names:
            if not self.site.stack.has(name):
                continue
            if self.standing.moving and name == self.standing.database.name:
                continue  # whoever takes its place goes on
            service = self.site.stack.service(name)
            if service.kind == "module":
                self.leftovers.settle(service)
            else:
                self.supervisor.want(service)
            if name in candidates:
                self.supervisor.want(candidates[name], self.candidates.all()[name].count, "candidate")
        if self.standing.possible and self.standing.wanted:
            await self.standing.begin()

    def at_work(self) -> AbstractAsyncContextManager[None]:
        return contextlib.nullcontext()

    def actions(self) -> Mapping[str, Action]:
        return Actions(self).all()

    async def give_up(self, service: str) -> None:
        self.leftovers.claim(service)
        self.candidates.drop(service)
        if self.supervisor is not None:
            await self.supervisor.stop(service, 1.0, 1.0)

    async def tend(self) -> None:
        if self.site is not None:
            names = [service.name for service in self.site.stack.services]
            names += self.standing.names
            await asyncio.to_thread(self.processes.rotate_logs, [*names, "control"])

    async def close(self) -> None:
        await self.leftovers.close()
        if self.keys is not None:
            await self.keys.close()
        if self.routing is not None:
            await self.routing.close()
        await self.standing.close()
        if self.supervisor is not None:
            await self.supervisor.close()
            await self.supervisor.prober.close()
        self.processes.close()

    def account(self, service: str) -> Account | None:
        """The user a service runs as; None when everything runs as us."""
        if (
            self.site
            and self.site.stack.has(service)
            and self.site.stack.service(service).runtime == "postgres"
        ):
            return postgres.account(self.processes, self.site.stack.service(service))
        return self.processes.account(service)

    def config(self, service: Service, port: int) -> str:
        """The configuration text of a service, from what is true now."""
        assert self.site is not None
        if service.runtime == "haproxy" and self.routing is not None:
            self.routing.shares.write()  # the proxy reads it when it starts
        return render(self, self.site, service, port)

    async def renew_proxies(self) -> None:
        """Gives the proxies what the stable releases say of routes and the like, where they know otherwise.

        Raises:
            StartError: one does not run so.
        """
        assert self.site is not None
        assert self.supervisor is not None
        for name in sorted(outdated(self, self.site, self.instances())):
            await self.supervisor.reload(self.site.stack.service(name))

    def tell(self, event: dict[str, Any]) -> None:
        """Tells whoever listens to the control loop."""
        self._tell(event)

    def tell_gap(self, service: str, seconds: float) -> None:
        """Tells how long a service did not answer because it was exchanged."""
        log.info("%s did not answer for %.3f s while it was exchanged", service, seconds)
        self._tell({"event": "gap", "service": service, "seconds": round(seconds, 3), "at": time.time()})

    def _candidates(self) -> dict[str, Service]:
        """What is being let in, by service; what has become stable or is gone is forgotten."""
        assert self.site is not None
        found = {}
        for name, candidate in self.candidates.all().items():
            stack = self.site.stack
            stable = stack.service(name).release if stack.has(name) else candidate.release
            try:
                if stable != candidate.release:
                    found[name] = self.candidates.service(candidate)
                    continue
            except StartError as error:
                log.warning("%s: what was being let in is given up: %s", name, error)
            self.candidates.drop(name)
        return found

    def _changed(self, instance: Instance) -> None:
        if self.routing is not None:
            self.routing.changed(instance)
        self._tell(
            {
                "event": "instance",
                "service": instance.service.name,
                "instance": instance.id,
                "state": instance.state,
                "why": instance.why,
                "at": time.time(),
            }
        )


def _read_sources(stack: Stack) -> None:
    """Reads each service's release once, and compiles Python sources, which services may not write."""
    for service in stack.services:
        _ = service.release
        if service.runtime == "python":
            for folder in (service.folder, *service.shared):
                if folder.is_dir() and os.access(folder, os.W_OK):
                    compileall.compile_dir(folder, quiet=2)
