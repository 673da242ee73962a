"""Keeps a stack that runs in containers: the engine restarts what ends, the keeper what hangs or is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from nexus import images
from nexus.control import provision, secrets
from nexus.control.addresses import Refused
from nexus.control.candidates import KEY as CANDIDATES
from nexus.control.candidates import Candidate
from nexus.control.charge import Charge
from nexus.control.containers.actions import Actions
from nexus.control.containers.demands import demands
from nexus.control.containers.looking import Looking, instances_of
from nexus.control.containers.ownership import check_ownership
from nexus.control.containers.projects import Projects
from nexus.control.containers.split import Split
from nexus.control.containers.watch import Watch
from nexus.control.facts import AgentFacts, Facts, InstanceFacts
from nexus.control.holding import schemas
from nexus.control.keeper import RuntimeName
from nexus.images.sources import is_buildable
from nexus.plans import Action
from nexus.render.containers.networks import gateway_of
from nexus.render.containers.telemetry import agent
from nexus.runtimes.containers.compose import ComposeRuntime
from nexus.runtimes.containers.container import Container, ContainerRuntime
from nexus.runtimes.containers.encryption import encrypts
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.placing import KEY as PLACED
from nexus.runtimes.containers.project import Project
from nexus.runtimes.containers.releases import KEY
from nexus.runtimes.containers.swarm import SwarmRuntime
from nexus.runtimes.containers.units import sides_of
from nexus.runtimes.home import Home
from nexus.runtimes.memory import Memory
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service, Stack
from nexus.stack.names import TELEMETRY

log = logging.getLogger("nexus.control")

RELOADS = {"haproxy": "SIGUSR2", "nginx": "SIGHUP", "python": "SIGHUP"}  # python: the agent


class ContainerKeeper:
    """One stack on an engine."""

    def __init__(self, runtime: RuntimeName, home: Home, memory: Memory, charge: Charge) -> None:
        self.runtime = runtime
        self.home = home
        self.wanted = charge.wanted
        self.candidates = charge.candidates
        self.adopt = charge.adopt
        self.engine = Engine()
        self.projects = Projects(memory, charge.candidates, swarm=runtime == "swarm")
        self.site: Site | None = None
        self.split = Split(self)
        self.working = False  # whether a plan is carried out
        self.memory = memory
        self._runtime: ContainerRuntime = (
            SwarmRuntime(self.engine) if runtime == "swarm" else ComposeRuntime(self.engine)
        )
        self.tell = charge.tell
        self._turn = asyncio.Lock()
        self._acted_on: dict[str, asyncio.Lock] = {}
        self._ran: frozenset[str] = frozenset()
        self._watch: Watch | None = None
        self._looking = Looking(lambda site: self.containers(site).observe(), charge.tell)

    @property
    def seen(self) -> tuple[Container, ...]:
        """What was there at the last look."""
        return self._looking.seen

    @property
    def busy(self) -> bool:
        return any(container.state != "down" for container in self.seen)

    @property
    def kept(self) -> Site:
        """The stack that is kept.

        Raises:
            StartError: none is known.
        """
        if self.site is None:
            raise StartError("no stack is known; start with `nexus up`")
        return self.site

    def project(self, site: Site) -> Project:
        """The stack's files for the engine: the stable releases, and those that are let in beside them."""
        return self.projects.of(site)

    def released(self, name: str, release: str) -> Service:
        """A service as one of its releases has it.

        Raises:
            StartError: the release is not known, or its artefact is gone.
        """
        stable = self.service(name)
        return stable if stable.release == release else self.candidates.service(Candidate(name, release, 0))

    def containers(self, site: Site) -> ContainerRuntime:
        """What drives the engine for this stack, with the releases that it runs now."""
        self._runtime.project = self.project(site)
        return self._runtime

    def instances(self) -> Mapping[str, tuple[InstanceFacts, ...]]:
        return instances_of(self.site, self.seen)

    def ended(self) -> Mapping[str, tuple[InstanceFacts, ...]]:
        return instances_of(self.site, self._runtime.ended)

    def complete(self, stack: Stack) -> bool:
        return any(placed.state == "written" for placed in images.place_dockerfiles(stack))

    def ours(self, site: Site) -> Mapping[str, int]:
        """A container holds its port as long as it exists: the engine may start it again at any moment."""
        there = {container.service for container in self.seen}
        gateway = gateway_of(site.stack)
        fronted = gateway is not None and gateway.name in there
        held = [
            service.name
            for service in site.stack.services
            if service.name in there or (fronted and service.kind == "module")
        ]
        return {name: site.ports[name] for name in (*held, *({TELEMETRY} & there))}

    async def check(self, site: Site) -> None:
        try:
            await demands(self.engine, site.stack, self.runtime, self.projects.registry)
            await self.look(site)
        except EngineError as error:
            raise Refused(str(error)) from error
        await check_ownership(self.engine, site, self.project(site).name, self.seen)

    async def observe(self, site: Site, notes: tuple[str, ...] = ()) -> Facts:
        await self.look(site)
        missing = secrets.missing(site)
        facts = Facts(site.ports, instances_of(site, self.seen))
        pending, failed = await provision.pending(site, facts, missing)
        return Facts(
            ports=site.ports,
            instances=facts.instances,
            initialised=frozenset(service.name for service in site.stack.of_kind("database")),
            pending=pending,
            schemas=await schemas(site, facts, pending, failed),
            secrets_missing=missing,
            keys=self._keys_known(site, facts),
            outdated=frozenset(name for name in self.project(site).outdated() if facts.of(name)),
            agent=await self._agent(site),
            unbuilt=await self.unbuilt(site, [s.name for s in site.stack.services if not facts.of(s.name)]),
            stale=frozenset(name for name in missing if facts.of(name)),
            notes=(*notes, *self._notes()),
        )

    async def _agent(self, site: Site) -> AgentFacts | None:
        if not site.stack.collects:
            return None
        own = agent()
        there = await images.built(self.engine, site.stack, [own], self.projects.registry)
        return AgentFacts(own.release, "" if there else f"there is no image of release {own.release}")

    def _notes(self) -> tuple[str, ...]:
        if self.runtime == "swarm" and not encrypts():
            return ("this kernel has no IPsec (ESP): what passes between the Swarm's nodes is not encrypted",)
        return ()

    async def running(self) -> Facts:
        if self.site is None:
            return Facts({})
        await self.look(self.site)
        remains = await self.containers(self.site).remains()
        return Facts(self.site.ports, self.instances(), remains=remains)

    async def unbuilt(self, site: Site, services: Iterable[str]) -> Mapping[str, str]:
        asked = [site.stack.service(name) for name in services]
        bricks = [service for service in asked if is_buildable(service)]
        there = await images.built(self.engine, site.stack, bricks, self.projects.registry)
        return {
            service.name: f"there is no image of release {service.release}"
            for service in bricks
            if service.name not in there
        }

    async def settle(self, site: Site) -> None:
        self.home.furnish()
        first, self.site = self.site is None, site
        self.project(site).write()
        for each in self.seen if first else ():  # what others started stays the release that it is
            if each.release and each.side == "stable":
                if each.service == TELEMETRY:
                    self.projects.releases.found(agent(), each.release)
                elif site.stack.has(each.service):
                    self.projects.releases.found(site.stack.service(each.service), each.release)
        if self._watch is None:
            self._watch = Watch(self)

    async def take_up(self) -> None:
        if self.site is not None:
            try:
                await self.look(self.site)
            except EngineError as error:
                log.warning("the engine cannot be asked yet: %s", error)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with self._turn:
            self.working, self._ran = True, frozenset(e.unit for e in self.seen if e.state != "down")
            try:
                yield
            finally:
                self.working = False

    @asynccontextmanager
    async def acting_on(self, service: str) -> AsyncIterator[None]:
        """While a service is changed: nobody else changes anything of it."""
        async with self._acted_on.setdefault(service, asyncio.Lock()):
            yield

    def is_acted_on(self, service: str) -> bool:
        """Whether somebody changes something of a service now."""
        return service in self._acted_on and self._acted_on[service].locked()

    def may_start(self, unit: str) -> bool:
        """Whether what is missing may be started besides the plan: what ran before it, or is a candidate, and
        is not in the hands of one of its steps.
        """
        service, side = sides_of(unit)
        if self.is_acted_on(service):
            return False
        return not self.working or side == "candidate" or unit in self._ran

    def actions(self) -> Mapping[str, Action]:
        return Actions(self).all()

    async def give_up(self, service: str) -> None:
        if self.site is not None:
            await self.containers(self.site).stop(service, 1.0)

    async def tend(self) -> None:
        if self.site is not None and self.busy and not self.working:
            try:
                await self.containers(self.site).tend()
            except EngineError as error:
                log.warning("tending the stack: %s", error)

    async def close(self) -> None:
        if self._watch is not None:
            await self._watch.close()

    async def look(self, site: Site) -> tuple[Container, ...]:
        """What is there now; see `Looking`."""
        return await self._looking.look(site)

    async def glance(self, site: Site) -> tuple[Container, ...]:
        """What is there now, in one look for all who ask at the same time; see `Looking`."""
        return await self._looking.glance(site)

    async def reload(self, service: Service) -> None:
        """Has a proxy, or the agent, take up its present settings without closing its listeners.

        Raises:
            EngineError: the engine refuses.
        """
        self.project(self.kept).write(service.name)
        await self.containers(self.kept).reload(service.name, RELOADS[service.runtime])

    async def renew_proxies(self) -> None:
        """Has them take up the settings that follow from the present releases.

        Raises:
            EngineError: the engine refuses.
        """
        running = {each.service for each in self.seen if each.state != "down"}
        for name in sorted(self.project(self.kept).outdated() & running):
            await self.reload(self.service(name))

    def forget(self) -> None:
        """Forgets everything about the stack: its data are gone."""
        for name in ("stack", "wanted", "offset", "only", KEY, CANDIDATES, PLACED, "registry", "runtime"):
            self.memory.unset(name)

    def service(self, name: str) -> Service:
        """A service of the present stack, or the agent beside them."""
        if name == TELEMETRY:
            return agent()
        return self.kept.stack.service(name)

    def _keys_known(self, site: Site, facts: Facts) -> bool:
        """A gateway that verifies tokens is ready when it knows the keys."""
        gateway = gateway_of(site.stack)
        if gateway is None or not any(service.jwks for service in site.stack.services):
            return True
        return facts.ready(gateway.name) > 0
