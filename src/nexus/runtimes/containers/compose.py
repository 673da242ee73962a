"""The Compose runtime: one engine on this machine. Containers outlive the control loop by themselves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from nexus.render.containers.files import COMPOSE
from nexus.runtimes.containers.batch import Batch
from nexus.runtimes.containers.change import Change
from nexus.runtimes.containers.container import Container
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.once import Once, run_once
from nexus.runtimes.containers.project import Project
from nexus.runtimes.containers.readiness import until_ready
from nexus.runtimes.containers.rolling import Rolling
from nexus.runtimes.containers.shown import PROJECT, container_of, is_ours
from nexus.runtimes.containers.words import last_words

REVIVE_GRACE = 5
DRAIN_LIMIT = 30.0


class ComposeRuntime:
    """Drives `docker compose` for what it defines, and the engine's API for what exists."""

    project: Project

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ended: tuple[Container, ...] = ()  # Compose removes what it replaces
        self._starting = Batch(self._up)

    async def observe(self) -> tuple[Container, ...]:
        async with self.engine.api() as api:
            listed = await api.containers.list(all=1, filters={"label": [f"{PROJECT}={self.project.name}"]})
            shown = await asyncio.gather(*(_show(container) for container in listed))
        found = [container_of(each) for each in shown if each is not None and is_ours(each)]
        return tuple(sorted(found, key=lambda each: (each.service, each.instance)))

    async def start(self, service: str) -> None:
        await self._starting.add(service)

    async def ensure(self, change: Change) -> None:
        options = ("--detach", "--no-deps", "--no-build", "--no-recreate", "--scale")
        await self._compose(change.project, "up", *options, f"{change.unit}={change.count}", change.unit)
        await self._ready(change)

    async def run_once(self, once: Once) -> None:
        with once.project.file(COMPOSE) as file:
            await run_once(self.engine, once, file)

    async def roll(self, change: Change) -> None:
        await Rolling(self.engine, self.observe, self._compose, self._drop).carry_out(change)

    async def exchange(self, change: Change, grace: float) -> None:
        """The new containers are made while the old ones run, so that only their start comes in between."""
        there = await self._of(change.unit)
        await self._drop([each for each in there if each.state == "down"], 0.0)
        old = [each for each in there if each.state != "down"]
        options = ("--no-start", "--no-deps", "--no-build", "--no-recreate", "--scale")
        scale = f"{change.unit}={len(old) + change.count}"
        await self._compose(change.project, "up", *options, scale, change.unit)
        made = [each for each in await self._of(change.unit) if each not in there]
        async with self.engine.api() as api:
            await asyncio.gather(*(_stop(api, each, grace) for each in old))
            await asyncio.gather(*(_begin(api, each) for each in made))
        await self._drop(old, 0.0)
        await self._ready(change)
        await change.whole()

    async def _ready(self, change: Change) -> None:
        async def words(container: Container) -> str:
            return await last_words(self.engine, "logs", "--tail", "3", container.id)

        await until_ready(lambda: self._of(change.unit), change, change.count, words)

    async def reload(self, service: str, signal: str) -> None:
        before = {each.id for each in await self.observe() if each.unit == service}
        await self._up([service])
        async with self.engine.api() as api:
            for each in await self.observe():
                if each.unit == service and each.id in before and each.state != "down":
                    await (await api.containers.get(each.id)).kill(signal=signal)

    async def stop(self, service: str, grace: float) -> None:
        await self._drop(await self._of(service), grace)

    async def revive(self, container: Container) -> None:
        async with self.engine.api() as api:
            await (await api.containers.get(container.id)).restart(timeout=REVIVE_GRACE)

    async def answers(self, container: Container, test: Iterable[str]) -> bool:
        with contextlib.suppress(EngineError):
            await self.engine.command("exec", container.id, *test, timeout=10.0)
            return True
        return False

    async def tend(self) -> None:
        """The engine rotates logs and keeps ports by itself."""

    async def remains(self) -> str:
        names = await self.engine.json(
            "network", "ls", "--filter", f"label={PROJECT}={self.project.name}", "--format", "{{json .Name}}"
        )
        return "the stack's networks" if names else ""

    async def clear(self, volumes: Iterable[str]) -> None:
        await self._compose(self.project, "down", "--remove-orphans", "--timeout", "10")
        gone = [f"{self.project.name}_{name}" for name in volumes]
        if gone:
            await self.engine.command("volume", "rm", "--force", *gone)

    async def _of(self, unit: str) -> list[Container]:
        return [each for each in await self.observe() if each.unit == unit]

    async def _drop(self, containers: Iterable[Container], grace: float = DRAIN_LIMIT) -> None:
        async with self.engine.api() as api:
            await asyncio.gather(*(_remove(api, each, grace) for each in containers))

    async def _up(self, services: Iterable[str]) -> None:
        await self._compose(self.project, "up", "-d", "--no-deps", "--no-build", "--quiet-pull", *services)

    async def _compose(self, project: Project, *arguments: str) -> None:
        with project.file(COMPOSE) as file:
            where = ("-p", project.name, "-f", str(file), "--progress", "plain")
            await self.engine.command("compose", *where, *arguments, env=project.variables())


async def _show(container: Any) -> dict[str, Any] | None:
    from aiodocker.exceptions import DockerError

    try:
        shown: dict[str, Any] = await container.show()
    except DockerError as error:
        if error.status == 404:  # gone since it was listed
            return None
        raise
    return shown


async def _stop(api: Any, container: Container, grace: float) -> None:
    with _may_be_gone():
        await (await api.containers.get(container.id)).stop(t=max(1, round(grace)), timeout=grace + 30)


async def _begin(api: Any, container: Container) -> None:
    await (await api.containers.get(container.id)).start()


async def _remove(api: Any, container: Container, grace: float) -> None:
    await _stop(api, container, grace)
    with _may_be_gone():
        await (await api.containers.get(container.id)).delete(force=True)


@contextlib.contextmanager
def _may_be_gone() -> Iterator[None]:
    from aiodocker.exceptions import DockerError

    try:
        yield
    except DockerError as error:
        if error.status not in (304, 404):
            raise
