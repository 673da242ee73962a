"""All that a control loop holds of one stack: its home, its journal, and the keeper of its runtime."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from nexus.control import locks, secrets, status
from nexus.control.addresses import Refused, planned
from nexus.control.candidates import Candidates
from nexus.control.charge import Charge, onlooker
from nexus.control.collecting import Collecting
from nexus.control.containers.keeper import ContainerKeeper
from nexus.control.keeper import Keeper, RuntimeName
from nexus.control.keepers import keeper_of
from nexus.control.launch import platform_release
from nexus.control.old_releases import remove_old
from nexus.control.processes.keeper import ProcessKeeper
from nexus.control.recovering.apart import is_apart
from nexus.control.releasing import or_remembered, overlaid, standing
from nexus.control.streaming import Streaming, told
from nexus.control.targets import replicas, targets
from nexus.control.wanted import Wanted
from nexus.plans import Journal, Lease
from nexus.releases import Catalogue, UnknownRelease
from nexus.releases.artefact import ArtefactError, restored, service_of
from nexus.runtimes import ports
from nexus.runtimes.home import Home
from nexus.runtimes.memory import Blank
from nexus.runtimes.process.register import Register
from nexus.runtimes.protocol import Account, StartError
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Service, Stack, load_stack
from nexus.stack.names import TELEMETRY
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.control")
Listener = Callable[[dict[str, Any]], None]


class World:
    """The present stack and everything that acts on it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.register = Register(home.database)
        self.journal = Journal(home.database)
        self.lease = Lease(home.database)
        self.catalogue = Catalogue(home.database)
        self.wanted = Wanted(self.register)
        self.started = time.time()
        self.release = platform_release()
        self.ending = asyncio.Event()  # nothing is left to keep: the guard ends too
        self.leaving = asyncio.Event()  # another control loop takes over
        self.listeners: set[Listener] = set()
        self.candidates = Candidates(self.register, self.service_of)
        self._charge = Charge(self.wanted, self.candidates, self.tell, self.adopt)
        self.keeper: Keeper = self._keeper(cast(RuntimeName, self.register.get("runtime", "process")))
        self.collecting = Collecting(home, self._targets, self._collector_arguments)
        self.streaming = Streaming(home, lambda: None if is_apart(home) else told(self.site))

    @property
    def site(self) -> Site | None:
        """The present stack; None until the first `up`."""
        return self.keeper.site

    async def choose(self, runtime: RuntimeName) -> None:
        """From now on, the stack is kept on this runtime; only while nothing runs."""
        if runtime != self.keeper.runtime:
            await self.keeper.close()
            self.keeper = self._keeper(runtime)

    async def settle(self, site: Site) -> None:
        """From now on, this is the stack. It is remembered, so that the next control loop knows it too."""
        await self.keeper.settle(site)
        self.streaming.changed()
        self.register.set("runtime", self.keeper.runtime)
        self.register.set("stack", pickle.dumps((self.release, site.stack, dict(site.ports))).hex())

    def service_of(self, service: str, release: str) -> Service:
        """A service as one of its releases has it, to be run: its artefact is verified, and secrets that it
        declares anew are made.

        Raises:
            StartError: the release is not known, or its artefact is gone or was changed.
        """
        if self.site is None:
            raise StartError("no stack is known; start with `nexus up`")
        try:
            found = service_of(self.site.stack, self.catalogue.find(service, release), self.home)
        except (UnknownRelease, ArtefactError) as error:
            raise StartError(str(error)) from error
        secrets.complete(self.site, found, self._account)
        return found

    def _account(self, service: str) -> Account | None:
        """The user a service runs as; None when everything runs as us, or in containers."""
        return self.keeper.account(service) if isinstance(self.keeper, ProcessKeeper) else None

    def standing(self, sources: Stack) -> dict[str, str]:
        """Service → the release that `up` starts; none for those that are to get their first."""
        seen = self.keeper.instances().items()
        at_work = {name for name, each in seen if any(one.state in ("ready", "degraded") for one in each)}
        return standing(sources, self.catalogue, at_work)

    def released(self, sources: Stack) -> Stack:
        """The stack with each service as its stable release has it, where there is one; a damaged artefact is
        made again.

        Raises:
            Refused: the artefact of a stable release is damaged, and nothing holds what it held any more.
        """
        try:
            return overlaid(sources, self.standing(sources), self.catalogue, self.home, read=restored)
        except ArtefactError as error:
            raise Refused(str(error)) from error

    async def adopt(self, service: Service) -> None:
        """From now on, the service's stable release is the one that `service` holds."""
        await self.adopt_all((service,), f"{service.name} {service.release} was let in")

    async def adopt_all(self, services: Sequence[Service], cause: str) -> int:
        """From now on, the stable releases are those that `services` hold; returns the number of the set.

        What the catalogue says decides: killed before it is written, all is as it was; afterwards, the next
        control loop finds the new releases there.
        """
        assert self.site is not None
        number = self.catalogue.make_stable({each.name: each.release for each in services}, cause)
        new = {each.name: each for each in services}
        stack = self.site.stack
        await self.settle(
            replace(
                self.site,
                stack=replace(stack, services=tuple(new.get(each.name, each) for each in stack.services)),
            )
        )
        await remove_old(self.home, self.catalogue, self.candidates)
        return number

    async def recall(self) -> None:
        """Takes up the stack that an earlier control loop kept; does nothing when there was none."""
        text = self.register.get("stack")
        if not text:
            return
        try:
            release, stack, ports = pickle.loads(bytes.fromhex(text))
            kept = {service.name: service for service in stack.services}
            read = or_remembered(kept)
            if release != self.release:  # its values may lack what this release asks of them
                stack, kept = load_stack(stack.root).subset(kept), {}
            stack = overlaid(stack, self.catalogue.stable(), self.catalogue, self.home, kept, read)
            known = {**planned(stack, int(self.register.get("offset") or 0)), **ports}
            await self.keeper.settle(self.site_of(stack, known))
        except Exception as error:  # noqa: BLE001 - a loop that knows nothing can still be told
            log.warning("the remembered stack cannot be taken up (%s); `nexus up` renews it", error)
            return
        await self.keeper.take_up()

    def site_of(self, stack: Stack, ports: dict[str, int], keeper: Keeper | None = None) -> Site:
        """A stack in this home, on the present runtime or on that of `keeper`."""
        return Site(stack, self.home, ports, contained=(keeper or self.keeper).runtime != "process")

    def telemetry_port(self, offset: int) -> dict[str, int]:
        """The port that telemetry has under its name, unless that is another's by now, or the stack moves."""
        port = self.site.telemetry_port if self.site else 0
        if not port or self.register.get("offset") != str(offset):
            return {}
        if not self.keeper.instances().get(TELEMETRY) and ports.state(LOOPBACK, port) != "free":
            collector = locks.owner(self.home.collector_lock)
            if collector is None or ports.holder(port).pid != collector:
                return {}
        return {TELEMETRY: port}

    def trial(self, runtime: RuntimeName | None, registry: str | None) -> Keeper | None:
        """A keeper to plan with, that remembers nothing; None when the present one will do."""
        if (runtime is None or runtime == self.keeper.runtime) and registry is None:
            return None
        known = {name: self.register.get(name) for name in ("registry", "releases", "wanted")}
        asked = {} if registry is None else {"registry": registry.rstrip("/")}
        blank = Blank({name: text for name, text in {**known, **asked}.items() if text})
        if (runtime or self.keeper.runtime) == "process":
            return ProcessKeeper(self.home, self.register, self._charge)
        return ContainerKeeper(runtime or self.keeper.runtime, self.home, blank, onlooker(blank))

    @property
    def forgotten(self) -> bool:
        """Whether the stack and its data were deleted."""
        return not self.register.get("stack")

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing is to run: there is nothing to keep."""
        return not self.keeper.busy and not self.wanted.names

    def status(self) -> dict[str, Any]:
        """What `nexus status --json` prints."""
        entry = status.control_entry(
            os.getpid(),
            locks.owner(self.home.guard_lock),
            self.collecting.pid,
            str(self.home.socket),
            self.started,
            self.release,
            self.streaming.pid,
        )
        runtime = self.keeper.runtime
        if self.site is None:
            return {"stack": "", "runtime": runtime, "ready": False, "services": [entry]}
        return status.status(self.site.stack, runtime, self.site.ports, self.keeper.instances(), entry)

    def tell(self, event: dict[str, Any]) -> None:
        """Sends an event to everybody who listens."""
        self.collecting.changed()
        for listener in tuple(self.listeners):
            listener(event)

    def secret(self, service: str, name: str) -> str:
        """The text of a secret file."""
        path: Path = self.site.secret_named(service, name) if self.site else self.home.secret(service, name)
        return path.read_text().strip()

    def _targets(self) -> Targets | None:
        """What there is to collect from; None while no stack is known, or it wants no telemetry."""
        if self.site is None or not self.site.stack.collects:
            return None
        keeper, used = self.keeper, replicas(self.site)
        return targets(self.site, keeper.runtime, keeper.instances(), keeper.ended(), used)

    def _collector_arguments(self) -> tuple[str, ...]:
        """In containers the agent holds telemetry's own port; the collector has the next one."""
        assert self.site is not None
        port = self.site.telemetry_port + (1 if self.site.contained else 0)
        forward = self.register.get("forward")
        keep = ("--keep", json.dumps(self.site.stack.keep)) if self.site.stack.keep else ()
        return ("--port", str(port), *keep, *(("--forward", forward) if forward else ()))

    def _keeper(self, runtime: RuntimeName) -> Keeper:
        return keeper_of(runtime, self.home, self.register, self._charge)

    async def close(self) -> None:
        """Lets go of everything; services go on running."""
        await self.keeper.close()
        self.lease.release()
        for store in (self.lease, self.journal, self.catalogue, self.register):
            store.close()
