"""The Swarm runtime: a stack on the nodes of a Swarm, ordered from a manager."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from nexus.render.containers.files import SWARM
from nexus.runtimes.containers.batch import Batch
from nexus.runtimes.containers.container import HOME_LABEL, RELEASE_LABEL, Container, State
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.loopback import Loopback
from nexus.runtimes.containers.project import Project

STACK = "com.docker.stack.namespace"
GONE_LIMIT = 75.0
UPDATE_LIMIT = 180.0
BEGIN_LIMIT = 2.0
POLL = 0.25
COMING = frozenset({"new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting"})


class SwarmRuntime:
    """Drives `docker stack` for what it defines, and the managers' API for what exists."""

    project: Project

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ended: tuple[Container, ...] = ()
        self._loopback = Loopback(engine)
        self._starting = Batch(self._start)

    async def observe(self) -> tuple[Container, ...]:
        mine = {"label": [f"{STACK}={self.project.name}"]}
        async with self.engine.api() as api:
            tasks, nodes = await asyncio.gather(api.tasks.list(filters=mine), api.nodes.list())
            services = await api.services.list(filters=mine)
        names = {each["ID"]: self._short(each["Spec"]["Name"]) for each in services}
        hosts = {each["ID"]: each["Description"]["Hostname"] for each in nodes}
        failed: dict[str, int] = {}
        for task in tasks:
            if task["Status"]["State"] in ("failed", "rejected"):
                slot = _slot(task)
                failed[slot] = failed.get(slot, 0) + 1
        told = [
            (task["DesiredState"], _container(task, names[task["ServiceID"]], _host(task, hosts), failed))
            for task in tasks
            if task["ServiceID"] in names
        ]
        found = [container for wanted, container in told if wanted == "running"]
        self.ended = tuple(
            container
            for wanted, container in told
            if wanted != "running" and container.id != container.task[:12]
        )
        return tuple(sorted(found, key=lambda each: (each.service, each.instance)))

    async def start(self, service: str) -> None:
        await self._starting.add(service)

    async def _start(self, services: Sequence[str]) -> None:
        await self._deploy(services)

    async def replace(self, service: str) -> None:
        if await self._deploy([service]):
            return
        before = await self._service(service)
        if before is not None:  # nothing about it changed, so it is told to
            await self.engine.command("service", "update", "--detach", "--quiet", "--force", before["ID"])
            await self._updated(service, before, UPDATE_LIMIT)

    async def reload(self, service: str, signal: str) -> None:
        await self._deploy([service])

    async def stop(self, service: str, grace: float) -> None:
        if await self._service(service) is not None:
            await self.engine.command("service", "rm", self._long(service))
        give_up = asyncio.get_running_loop().time() + GONE_LIMIT
        while await self._tasks_left(service):
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

    async def _deploy(self, services: Sequence[str]) -> bool:
        """Tells the managers of these services alone; all others stay as they are.

        Returns whether any of them was replaced by it.
        """
        before = {name: await self._service(name) for name in services}
        text = self.project.files(frozenset(services))[SWARM]
        with tempfile.NamedTemporaryFile("w", dir=self.project.folder, suffix=".yaml") as part:
            part.write(text)
            part.flush()
            await self.engine.command(
                *("stack", "deploy", "--detach=true", "--with-registry-auth", "--resolve-image", "changed"),
                *("-c", part.name, self.project.name),
                env=self.project.variables(),
            )
        await self._loopback.open(self.project)
        there = [(name, was) for name, was in before.items() if was is not None]
        return any([await self._updated(name, was, BEGIN_LIMIT) for name, was in there])

    async def _updated(self, service: str, before: Mapping[str, Any], begin: float) -> bool:
        """Returns when the managers have ended the update that followed `before`; False when they have begun
        none within `begin` seconds, because nothing that matters changed.

        Raises:
            EngineError: they took it back, or stopped half-way.
        """
        loop = asyncio.get_running_loop()
        was, started = (before.get("UpdateStatus") or {}).get("StartedAt"), loop.time()
        while True:
            now = ((await self._service(service)) or {}).get("UpdateStatus") or {}
            begun, state = now.get("StartedAt", was) != was, now.get("State", "")
            if begun and state == "completed":
                return True
            if begun and (state.startswith("rollback") or state == "paused"):
                raise EngineError(
                    f"the Swarm took the update of {service} back ({now.get('Message', state)})"
                )
            if not begun and loop.time() - started > begin:
                return False
            if loop.time() - started > UPDATE_LIMIT:
                raise EngineError(f"the update of {service} has not ended after {UPDATE_LIMIT:.0f} s")
            await asyncio.sleep(POLL)

    async def _service(self, service: str) -> Mapping[str, Any] | None:
        name = self._long(service)
        async with self.engine.api() as api:
            found = await api.services.list(filters={"name": [name]})
        return next((each for each in found if each["Spec"]["Name"] == name), None)

    async def _tasks_left(self, service: str) -> bool:
        """Whether this node still has a container of the service; others end by themselves."""
        label = f"com.docker.swarm.service.name={self._long(service)}"
        out = await self.engine.command("ps", "--quiet", "--filter", f"label={label}")
        return bool(out.strip())

    def _long(self, service: str) -> str:
        return f"{self.project.name}_{service}"

    def _short(self, name: str) -> str:
        return name.removeprefix(f"{self.project.name}_")


def encrypts() -> bool:
    """Whether this machine's kernel can encrypt what passes between nodes (IPsec ESP)."""
    if Path("/proc/net/xfrm_stat").exists() and re.search(r"^esp4 ", _read("/proc/modules"), re.MULTILINE):
        return True
    folder = Path("/lib/modules") / os.uname().release
    return any("/esp4.ko" in _read(str(folder / name)) for name in ("modules.builtin", "modules.dep"))


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def _host(task: Mapping[Any, Any], hosts: Mapping[str, str]) -> str:
    return hosts.get(task.get("NodeID", ""), "")


def _slot(task: Mapping[Any, Any]) -> str:
    return f"{task['ServiceID']}.{task.get('Slot') or task.get('NodeID', '')}"


def _container(task: Mapping[Any, Any], service: str, host: str, failed: dict[str, int]) -> Container:
    status, spec = task["Status"], task["Spec"]["ContainerSpec"]
    state: State = "ready" if status["State"] == "running" else "starting"
    if status["State"] not in COMING and state != "ready":
        state = "down"
    inside = status.get("ContainerStatus") or {}
    return Container(
        service=service,
        instance=f"{service}-{task.get('Slot') or host}",
        id=(inside.get("ContainerID") or task["ID"])[:12],
        state=state,
        release=(spec.get("Labels") or {}).get(RELEASE_LABEL, ""),
        since=datetime.fromisoformat(status["Timestamp"][:19] + "+00:00").timestamp(),
        restarts=failed.get(_slot(task), 0),
        task=task["ID"],
        node=host,
        owner=(spec.get("Labels") or {}).get(HOME_LABEL, ""),
        why="" if state == "ready" else str(status.get("Err") or status.get("Message", "")),
    )
