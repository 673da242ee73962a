"""All that a control loop holds of one stack: its home, its state, its supervisor and its traffic."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nexus.control import locks, status
from nexus.control.configs import render
from nexus.control.instance import Instance
from nexus.control.keys import Keys
from nexus.control.launch import platform_release
from nexus.control.routing import Routing
from nexus.control.supervisor import Supervisor
from nexus.plans import Journal, Lease
from nexus.runtimes.home import Home
from nexus.runtimes.process import ProcessRuntime
from nexus.runtimes.process.drivers import postgres
from nexus.runtimes.process.probes import Prober
from nexus.runtimes.process.register import Register
from nexus.runtimes.process.site import Site
from nexus.runtimes.protocol import Account
from nexus.stack import Service

log = logging.getLogger("nexus.control")
Listener = Callable[[dict[str, Any]], None]


class World:
    """The present stack and everything that acts on it. `site` is None until the first `up`."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.register = Register(home.database)
        self.journal = Journal(home.database)
        self.lease = Lease(home.database)
        self.runtime = ProcessRuntime(home, self.register)
        self.started = time.time()
        self.site: Site | None = None
        self.supervisor: Supervisor | None = None
        self.routing: Routing | None = None
        self.keys: Keys | None = None
        self.release = platform_release()
        self.ending = asyncio.Event()  # nothing is left to keep: the guard ends too
        self.leaving = asyncio.Event()  # another control loop takes over
        self.listeners: set[Listener] = set()

    def account(self, service: str) -> Account | None:
        """The user a service runs as; None when everything runs as us."""
        if (
            self.site
            and self.site.stack.has(service)
            and self.site.stack.service(service).runtime == "postgres"
        ):
            return postgres.account(self.runtime, self.site.stack.service(service))
        return self.runtime.account(service)

    def settle(self, site: Site) -> None:
        """From now on, this is the stack. It is remembered, so that the next control loop knows it too."""
        self.site = site
        if self.supervisor is None:
            self.keys = Keys(self)
            self.routing = Routing(self)
            self.supervisor = Supervisor(
                self.runtime, site, Prober(site), self.config, self._changed, self.routing.drain
            )
        else:
            self.supervisor.move(site)
        self.register.set("stack", pickle.dumps((site.stack, dict(site.ports))).hex())

    def recall(self) -> None:
        """Takes up the stack that an earlier control loop kept; does nothing when there was none."""
        kept = self.register.get("stack")
        if not kept:
            return
        try:
            stack, ports = pickle.loads(bytes.fromhex(kept))
        except (pickle.UnpicklingError, AttributeError, ImportError, EOFError, TypeError) as error:
            log.warning(
                "the remembered stack was written by another release (%s); `nexus up` renews it", error
            )
            return
        self.settle(Site(stack, self.home, ports))

    def config(self, service: Service, port: int) -> str:
        """The configuration text of a service, from what is true now."""
        assert self.site is not None
        return render(self, self.site, service, port)

    @property
    def wanted(self) -> frozenset[str]:
        """The services that are to run."""
        return frozenset(json.loads(self.register.get("wanted", "[]")))

    def want(self, service: str, wanted: bool) -> None:
        """Remembers that a service is to run, or no longer."""
        names = set(self.wanted)
        (names.add if wanted else names.discard)(service)
        self.register.set("wanted", json.dumps(sorted(names)))

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing is to run: there is nothing to keep."""
        running = self.supervisor is not None and any(instance.running for instance in self.supervisor)
        return not running and not self.wanted

    def status(self) -> dict[str, Any]:
        """What `nexus status --json` prints."""
        entry = status.control_entry(
            os.getpid(),
            locks.owner(self.home.guard_lock),
            str(self.home.socket),
            self.started,
            self.release,
        )
        if self.site is None or self.supervisor is None:
            return {"stack": "", "runtime": "process", "ready": False, "services": [entry]}
        instances = {
            service.name: [instance.facts() for instance in self.supervisor.of(service.name)]
            for service in self.site.stack.services
        }
        return status.status(self.site.stack, "process", self.site.ports, instances, entry)

    def tell(self, event: dict[str, Any]) -> None:
        """Sends an event to everybody who listens."""
        for listener in tuple(self.listeners):
            listener(event)

    def secret(self, service: str, name: str) -> str:
        """The text of a secret file."""
        path: Path = self.home.secret(service, name)
        return path.read_text().strip()

    def _changed(self, instance: Instance) -> None:
        if self.routing is not None:
            self.routing.changed(instance)
        self.tell(
            {
                "event": "instance",
                "service": instance.service.name,
                "instance": instance.id,
                "state": instance.state,
                "why": instance.why,
                "at": time.time(),
            }
        )

    async def close(self) -> None:
        """Lets go of everything; services go on running."""
        if self.keys is not None:
            await self.keys.close()
        if self.routing is not None:
            await self.routing.close()
        if self.supervisor is not None:
            await self.supervisor.close()
            await self.supervisor.prober.close()
        self.lease.release()
        for store in (self.lease, self.journal, self.register):
            store.close()
