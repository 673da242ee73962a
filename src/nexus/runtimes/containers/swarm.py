"""The Swarm runtime: a stack on the nodes of a Swarm, ordered from a manager."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nexus.render.containers.files import SWARM
from nexus.runtimes.containers.batch import Batch
from nexus.runtimes.containers.change import Change
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.jobs import run_job
from nexus.runtimes.containers.loopback import Loopback
from nexus.runtimes.containers.once import Once
from nexus.runtimes.containers.project import Project
from nexus.runtimes.containers.tasks import ALIVE, containers_of
from nexus.runtimes.containers.updating import Updating

STACK = "com.docker.stack.namespace"
GONE_LIMIT = 75.0
UPDATE_LIMIT = 180.0
POLL = 0.25


class SwarmRuntime:
    """Drives `docker stack` for what it defines, and the managers' API for what exists."""

    project: Project

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ended: tuple[Container, ...] = ()
        self._loopback = Loopback(engine)
        self._starting = Batch(self._deploy)
        self._updating = Updating(engine, self.observe, lambda: self.ended, self._service)

    async def observe(self) -> tuple[Container, ...]:
        mine = {"label": [f"{STACK}={self.project.name}"]}
        async with self.engine.api() as api:
            tasks, nodes = await asyncio.gather(api.tasks.list(filters=mine), api.nodes.list())
            services = await api.services.list(filters=mine)
        units = {
            each["ID"]: each["Spec"]["Name"].removeprefix(f"{self.project.name}_")
            for each in services
            if "ReplicatedJob" not in each["Spec"]["Mode"]
        }
        hosts = {each["ID"]: each["Description"]["Hostname"] for each in nodes}
        running, self.ended = containers_of(tasks, units, hosts)
        return running

    async def start(self, service: str) -> None:
        await self._starting.add(service)

    async def ensure(self, change: Change) -> None:
        before = await self._service(change.unit)
        await self._order(change.project, [change.unit])
        await self._updating.whole(change, before)

    async def roll(self, change: Change) -> None:
        """The managers do it, as the definition of the service says."""
        before = await self._service(change.unit)
        await self._order(change.project, [change.unit])
        if change.before and before is not None and not await self._updating.began(change.unit, before):
            await self.engine.command("service", "update", "--detach", "--quiet", "--force", before["ID"])
        await self._updating.whole(change, before)
        await change.whole()

    async def exchange(self, change: Change, grace: float) -> None:
        before = await self._service(change.unit)
        if before is not None and _starts_first(before):
            await self.engine.command("service", "scale", "--detach", f"{self._long(change.unit)}=0")
            await self._gone(change.unit)
        await self.roll(change)

    async def run_once(self, once: Once) -> None:
        await run_job(self.engine, once)

    async def reload(self, service: str, signal: str) -> None:
        await self._deploy([service])

    async def stop(self, service: str, grace: float) -> None:
        if await self._service(service) is not None:
            await self.engine.command("service", "rm", self._long(service))
        give_up = asyncio.get_running_loop().time() + GONE_LIMIT
        while await self._here(service):
            if asyncio.get_running_loop().time() > give_up:
                raise EngineError(
                    f"{service} has not ended within {GONE_LIMIT:.0f} s; see `docker service ps`"
                )
            await asyncio.sleep(POLL)

    async def revive(self, container: Container) -> None:
        raise EngineError("the managers of the Swarm replace what hangs")

    async def answers(self, container: Container, test: Iterable[str]) -> bool:
        return container.state == "ready"

    async def tend(self) -> None:
        await self._loopback.open(self.project)

    async def remains(self) -> str:
        mine = ("--quiet", "--filter", f"label={STACK}={self.project.name}")
        names = await self.engine.command("network", "ls", *mine)
        ended = await self.engine.command("ps", "--all", *mine)
        return "the stack's networks, secrets and settings" if names.strip() or ended.strip() else ""

    async def clear(self, volumes: Iterable[str]) -> None:
        await self._loopback.close(self.project)
        give_up = asyncio.get_running_loop().time() + GONE_LIMIT
        while await self.remains():  # a network goes when the last node has let go of it
            try:
                await self.engine.command("stack", "rm", self.project.name)
            except EngineError:
                if asyncio.get_running_loop().time() > give_up:
                    raise
            if asyncio.get_running_loop().time() > give_up:
                raise EngineError("the Swarm has not let go of the stack; see `docker network ls`")
            await asyncio.sleep(POLL)
        for name in volumes:
            await self.engine.command("volume", "rm", "--force", f"{self.project.name}_{name}")

    async def _deploy(self, services: Sequence[str]) -> None:
        """Tells the managers of these services alone, and waits until those that this changes are changed."""
        before = {name: await self._service(name) for name in services}
        await self._order(self.project, services)
        for name, was in before.items():
            if was is not None and await self._updating.began(name, was):
                await self._updating.ended(name, was, UPDATE_LIMIT)

    async def _order(self, project: Project, services: Sequence[str]) -> None:
        with project.file(SWARM, frozenset(services)) as file:
            options = ("--detach=true", "--with-registry-auth", "--resolve-image", "changed")
            await self.engine.command(
                "stack", "deploy", *options, "-c", str(file), project.name, env=project.variables()
            )
        await self._loopback.open(project)

    async def _service(self, service: str) -> Mapping[str, Any] | None:
        name = self._long(service)
        async with self.engine.api() as api:
            found = await api.services.list(filters={"name": [name]})
        return next((each for each in found if each["Spec"]["Name"] == name), None)

    async def _gone(self, service: str) -> None:
        """Returns when no task of the service runs on any node."""
        give_up = asyncio.get_running_loop().time() + GONE_LIMIT
        while True:
            async with self.engine.api() as api:
                tasks = await api.tasks.list(filters={"service": [self._long(service)]})
            if not any(task["Status"]["State"] in ALIVE for task in tasks):
                return
            if asyncio.get_running_loop().time() > give_up:
                raise EngineError(
                    f"{service} has not ended within {GONE_LIMIT:.0f} s; see `docker service ps`"
                )
            await asyncio.sleep(POLL)

    async def _here(self, service: str) -> bool:
        """Whether this node still has a container of the service; others end by themselves."""
        label = f"com.docker.swarm.service.name={self._long(service)}"
        out = await self.engine.command("ps", "--quiet", "--filter", f"label={label}")
        return bool(out.strip())

    def _long(self, service: str) -> str:
        return f"{self.project.name}_{service}"


def _starts_first(service: Mapping[str, Any]) -> bool:
    spec = service["Spec"]
    return "Replicated" in spec["Mode"] and (spec.get("UpdateConfig") or {}).get("Order") == "start-first"
