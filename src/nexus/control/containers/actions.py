"""What each step of a plan does to a stack in containers."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nexus import images
from nexus.control import secrets
from nexus.control.containers.hooks import Hooks
from nexus.control.containers.letting_in import LettingIn
from nexus.control.containers.migrating import Migrating
from nexus.control.containers.replacing import Replacing
from nexus.control.recovering.deleting import delete_secrets
from nexus.control.standby.nodes.emptying import empty_elsewhere
from nexus.images.sources import is_buildable
from nexus.plans import Action, Step
from nexus.render.containers.files import container_specs
from nexus.render.containers.standby import placed_specs
from nexus.runtimes.containers.container import ContainerRuntime
from nexus.runtimes.containers.units import unit_of
from nexus.runtimes.probes import Prober
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service
from nexus.stack.names import TELEMETRY

if TYPE_CHECKING:
    from nexus.control.containers.keeper import ContainerKeeper

READY_LIMIT = 120.0  # seconds
REACHABLE_LIMIT = 20.0
POLL = 0.2
GIVE_UP_AFTER = 3  # ends in a row during a start
DOWN_LIMIT = 13.5  # seconds for all stops together
STORE_RESERVE = 5.0  # of them kept for databases and caches, which end last


class Actions:
    """The hands of the executor: one method per action name."""

    def __init__(self, keeper: ContainerKeeper) -> None:
        self._keeper = keeper
        self._down_by = time.monotonic() + DOWN_LIMIT

    def all(self) -> Mapping[str, Action]:
        """Action name -> what carries it out."""
        changing: dict[str, Action] = {
            "start": self.start,
            "reload": self.reload,
            "stop": self.stop,
            **LettingIn(self._keeper).all(),
            **Replacing(self._keeper).all(),
        }
        return {
            "secrets": self.secrets,
            "build": self.build,
            "hook": Hooks(self._keeper).hook,
            **Migrating(self._keeper).all(),
            "keys": self.keys,
            "clear": self.clear,
            "delete": self.delete,
            **{name: self._alone(action) for name, action in changing.items()},
        }

    def _alone(self, action: Action) -> Action:
        """The action, with nobody else starting anything of its service meanwhile."""

        async def carry_out(step: Step) -> None:
            async with self._keeper.acting_on(step.target):
                await action(step)

        return carry_out

    @property
    def _site(self) -> Site:
        return self._keeper.kept

    def _service(self, step: Step) -> Service:
        """The service as the release has it that the step names, or else as it is now."""
        release = step.arguments.get("release")
        return self._keeper.released(step.target, release) if release else self._keeper.service(step.target)

    def _runtime(self, service: str = "") -> ContainerRuntime:
        """What drives the engine, with the files as an act on this service needs them."""
        self._keeper.project(self._site).write(service)
        return self._keeper.containers(self._site)

    async def secrets(self, step: Step) -> None:
        """Generates what is missing."""
        secrets.create(self._site, lambda service: None)

    async def build(self, step: Step) -> None:
        """Builds the image of a brick's release, and brings it to the registry where there is one.

        An image of others is fetched, so that nothing waits for that later.
        """
        service, engine, registry = self._service(step), self._keeper.engine, self._keeper.projects.registry
        if is_buildable(service) or service.name == TELEMETRY:
            await images.build(engine, self._site.stack, service, registry, push=bool(registry))
            return
        specs = container_specs(self._keeper.project(self._site).become(service).site.stack, {})
        image = next(spec.image for spec in specs if spec.name == service.name)
        if not await engine.command("image", "ls", "--quiet", image):
            await engine.command("pull", "--quiet", image)

    async def start(self, step: Step) -> None:
        """Starts what is missing of a service and waits until it is ready and reachable."""
        service = self._keeper.service(step.target)
        self._keeper.wanted.add(service.name)
        if not any(each.unit == service.name and each.state != "down" for each in self._keeper.seen):
            self._keeper.projects.releases.give(service)
        await self._runtime(service.name).start(service.name)
        if follower := self._keeper.projects.follower(service):
            await self._runtime(follower).start(follower)
        await self._until_ready(service)

    async def keys(self, step: Step) -> None:
        """Waits until the gateway has fetched its verification keys, which it does by itself."""
        await self._until_ready(self._keeper.service(step.target), lives=False)

    async def reload(self, step: Step) -> None:
        """Gives a proxy its present settings without closing its listeners."""
        service = self._keeper.service(step.target)
        await self._keeper.reload(service)
        publishers = {each.name for each in self._site.stack.services if each.jwks}
        there = {each.service for each in self._keeper.seen if each.state == "ready"}
        await self._until_ready(service, lives=service.kind == "gateway" and not publishers <= there)

    async def stop(self, step: Step) -> None:
        """Drains and stops a service, in what is left of the time for all, or as long as the step says."""
        self._keeper.wanted.remove(step.target)
        left = self._down_by - time.monotonic()
        store = self._site.stack.has(step.target) and self._keeper.service(step.target).kind in (
            "database",
            "cache",
        )
        grace = max(1.0, left if store else min(left - STORE_RESERVE, 6.0))
        grace = float(step.arguments.get("drain", grace))
        candidate = unit_of(step.target, "candidate")
        if any(each.unit == candidate for each in self._keeper.seen):
            await self._runtime().stop(candidate, grace)
        self._keeper.candidates.drop(step.target)
        await self._runtime().stop(step.target, grace)
        database = self._site.stack.has(step.target) and self._keeper.service(step.target)
        if database and (follower := self._keeper.projects.follower(database)):
            await self._runtime().stop(follower, grace)
        await self._keeper.glance(self._site)

    async def clear(self, step: Step) -> None:
        """Removes what is left on the engine; volumes stay."""
        await self._runtime().clear(())

    async def delete(self, step: Step) -> None:
        """Removes volumes, secrets, state and files; the control loop's own files go when it ends."""
        specs = container_specs(self._site.stack, {})
        placed = self._keeper.project(self._site).placed
        if placed is not None:
            specs = placed_specs(specs, placed)
            await empty_elsewhere(self._keeper)
        await self._runtime().clear(sorted({name for spec in specs for name in spec.volumes.values()}))
        home = self._keeper.home
        for folder in (home.root / name for name in ("state", "config", "containers", "sboms")):
            await asyncio.to_thread(_remove, folder)
        await asyncio.to_thread(_remove, home.logs)
        await asyncio.to_thread(delete_secrets, home)
        self._keeper.forget()

    async def _until_ready(self, service: Service, lives: bool | None = None) -> None:
        """Returns when as many instances as the manifest wants are ready, and requests reach them.

        `lives`: whether running is enough. A gateway is ready when a module behind it has published its keys.

        Raises:
            StartError: they are not within the limit, or keep ending.
        """
        enough = service.kind == "gateway" if lives is None else lives
        begun = time.monotonic()
        before = {each.instance: each.restarts for each in self._keeper.seen}
        while lacking := await self._lacking(service, enough, before):
            if time.monotonic() - begun > READY_LIMIT:
                raise StartError(f"{service.name} is not ready after {READY_LIMIT:.0f} s: {lacking}")
            await asyncio.sleep(POLL)
        # Of a program that others made, nothing but an answer tells that it has begun.
        limit = READY_LIMIT if service.runtime == "image" else REACHABLE_LIMIT
        begun, prober = time.monotonic(), Prober(self._site)
        try:
            while True:
                health = await prober.health(service, self._site.ports[service.name])
                if health.ready or (enough and health.live):
                    return
                lacking = await self._lacking(service, enough, before)
                if time.monotonic() - begun > limit:
                    why = lacking or health.why
                    raise StartError(f"{service.name} runs but gets no requests after {limit:.0f} s: {why}")
                await asyncio.sleep(POLL)
        finally:
            await prober.close()

    async def _lacking(self, service: Service, enough: bool, before: Mapping[str, int]) -> str:
        """What the instances of a service still lack, in words; empty when as many as are wanted are ready.
        `before`: how often each had been started again.

        Raises:
            StartError: they keep ending.
        """
        seen = [each for each in await self._keeper.glance(self._site) if each.unit == service.name]
        why = "; ".join(f"{each.instance} is {each.state}: {each.why}" for each in seen) or "no container"
        if any(each.restarts - before.get(each.instance, 0) >= GIVE_UP_AFTER for each in seen):
            raise StartError(f"{service.name} keeps ending ({why}); see `nexus logs {service.name}`")
        good = [each for each in seen if each.state == "ready" or (enough and each.state == "starting")]
        return why if len(good) < service.scale.min else ""


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
