"""What each step of a plan does to the world."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.control import secrets
from nexus.control.processes.hooks import run_hook
from nexus.control.processes.migrating import Migrating
from nexus.control.processes.releasing import grace_of, released
from nexus.control.processes.replacing import Replacing
from nexus.control.processes.rollout import Rollout
from nexus.control.processes.supervisor import Supervisor
from nexus.control.processes.upgrade import Upgrade
from nexus.control.recovering.deleting import delete_secrets
from nexus.plans import Action, Step
from nexus.runtimes.process import building
from nexus.runtimes.process.drivers import driver, postgres
from nexus.runtimes.site import Site
from nexus.stack import Service

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper

DOWN_LIMIT = 13.5  # seconds for all stops together
DOWN_DRAIN = 2.0  # of them for requests in flight of one service
DATABASE_RESERVE = 4.0  # of them kept for the databases, which end last


class Actions:
    """The hands of the executor: one method per action name."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        assert keeper.site is not None
        assert keeper.supervisor is not None
        self._keeper = keeper
        self._supervisor: Supervisor = keeper.supervisor
        self._down_by = time.monotonic() + DOWN_LIMIT
        self._releases = {**Rollout(keeper).all(), **Replacing(keeper).all(), **Upgrade(keeper).all()}

    def all(self) -> Mapping[str, Action]:
        """Action name -> what carries it out."""
        return {
            "secrets": self.secrets,
            "initialise": self.initialise,
            "build": self.build,
            "start": self.start,
            "reload": self.reload,
            "keys": self.keys,
            "stop": self.stop,
            "hook": self.hook,
            "delete": self.delete,
            **Migrating(self._keeper).all(),
            **self._releases,
        }

    @property
    def _site(self) -> Site:
        assert self._keeper.site is not None
        return self._keeper.site

    def _service(self, step: Step) -> Service:
        return released(self._keeper, step)

    async def secrets(self, step: Step) -> None:
        """Generates what is missing."""
        secrets.create(self._site, self._keeper.account)

    async def initialise(self, step: Step) -> None:
        """Creates a database's data folder."""
        service = self._service(step)
        await asyncio.to_thread(postgres.initialise, self._keeper.processes, self._site, service)

    async def build(self, step: Step) -> None:
        """Builds what a service's release runs from."""
        await building.build(self._site, self._service(step))

    async def start(self, step: Step) -> None:
        """Starts what is missing of a service and waits until it is ready and reachable."""
        service = self._service(step)
        self._keeper.wanted.add(service.name)
        await self._keeper.standing.settled(service.name)
        await self._supervisor.start(service)
        if self._keeper.routing is not None:
            await self._keeper.routing.reachable(service)
        if service.runtime == "postgres":
            await self._keeper.standing.begin()

    async def hook(self, step: Step) -> None:
        """Runs a command of the release's manifest once."""
        await run_hook(self._keeper, self._service(step), step.arguments["hook"])

    async def keys(self, step: Step) -> None:
        """Fetches the gateway's verification keys and waits until it uses them."""
        gateway = self._service(step)
        if self._keeper.keys is not None:
            await self._keeper.keys.renew()
        for instance in self._supervisor.of(gateway.name):
            await instance.until_ready(20.0)

    async def stop(self, step: Step) -> None:
        """Drains and stops a service, within what is left of the time for all, or as long as the step says;
        nothing is let in any more.
        """
        self._keeper.wanted.remove(step.target)
        self._keeper.leftovers.claim(step.target)
        self._keeper.candidates.drop(step.target)
        await self._keeper.standing.settled(step.target)
        for instance in self._supervisor.of(step.target)[:1]:
            if "drain" in step.arguments:
                wanted = float(step.arguments["drain"])
                await self._supervisor.stop(step.target, wanted, grace_of(instance.service))
                break
            left = self._down_by - time.monotonic()
            if instance.service.kind not in ("database", "cache"):
                left -= DATABASE_RESERVE
            grace = max(0.5, min(driver(instance.service).grace, left))
            drain = min(DOWN_DRAIN, instance.service.rollout.drain)
            await self._supervisor.stop(step.target, drain, grace)
        standing = self._keeper.standing
        if standing.possible and step.target == standing.database.name:
            await standing.end()

    async def reload(self, step: Step) -> None:
        """Gives a proxy its new configuration without closing its listeners."""
        await self._supervisor.reload(self._service(step))

    async def delete(self, step: Step) -> None:
        """Removes databases, secrets, state and logs; the control loop's own files go when it ends."""
        home = self._keeper.home
        await self._keeper.standing.forget()
        for folder in (
            home.root / "data",
            home.root / "state",
            home.root / "config",
            home.root / "builds",
            home.logs,
        ):
            if folder.exists():
                await asyncio.to_thread(shutil.rmtree, folder)
        await asyncio.to_thread(delete_secrets, home)
        for name in ("stack", "wanted", "candidates", "offset", "only"):
            self._keeper.register.unset(name)
