"""The Compose runtime: one engine on this machine. Containers outlive the control loop by themselves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from aiodocker.exceptions import DockerError

from nexus.render.containers.migrate import NAME as MIGRATE
from nexus.render.containers.networks import gateway_of
from nexus.runtimes.containers.batch import Batch
from nexus.runtimes.containers.container import HOME_LABEL, RELEASE_LABEL, Container, State
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.project import Project

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
ONE_OFF = "com.docker.compose.oneoff"
FOLDER = "com.docker.compose.project.working_dir"
REVIVE_GRACE = 5
NOTICE_S = 2.0  # until the gateway has heard of a new instance: its name server is asked every second
DRAIN_LIMIT = 30.0
READY_LIMIT = 120.0
POLL = 0.25


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
        found = [_container(each) for each in shown if each is not None and _is_ours(each)]
        return tuple(sorted(found, key=lambda each: (each.service, each.instance)))

    async def start(self, service: str) -> None:
        await self._starting.add(service)

    async def replace(self, service: str) -> None:
        """The ready containers of a module behind a gateway one by one, each new one first; what holds a port
        or data must go before. A new one that does not become ready is removed, and the old ones go on.
        """
        stack = self.project.site.stack
        there = [each for each in await self.observe() if each.service == service]
        ready = [each for each in there if each.state == "ready"]
        doubles = stack.has(service) and stack.service(service).kind == "module"
        if not ready or not doubles or gateway_of(stack) is None:
            await self._compose("up", "-d", "--no-deps", "--no-build", "--force-recreate", service)
            return
        wanted = stack.service(service).scale.min
        await self._drop([each for each in there if each not in ready[:wanted]])
        for leaving in ready[:wanted]:
            await self._one_more(service, len(ready[:wanted]) + 1)
            await asyncio.sleep(NOTICE_S)
            await self._drop([leaving])

    async def _one_more(self, service: str, count: int) -> None:
        """Starts what is missing up to `count` containers and waits until they are ready.

        Raises:
            EngineError: they are not; they were removed.
        """
        known = {each.id for each in await self.observe() if each.service == service}
        options = ("--no-deps", "--no-build", "--no-recreate", "--scale", f"{service}={count}")
        try:
            await self._compose("up", "-d", *options, service)
            give_up = asyncio.get_running_loop().time() + READY_LIMIT
            while True:
                new = [e for e in await self.observe() if e.service == service and e.id not in known]
                if new and all(each.state == "ready" for each in new):
                    return
                why = "; ".join(f"{each.instance} is {each.state}: {each.why}" for each in new) or "none came"
                bad = any(each.state in ("down", "degraded") or each.restarts >= 2 for each in new)
                if bad or asyncio.get_running_loop().time() > give_up:
                    raise EngineError(
                        f"the new instance of {service} does not become ready ({why}); it was "
                        "removed and the former goes on"
                    )
                await asyncio.sleep(POLL)
        except (EngineError, asyncio.CancelledError):
            await self._drop([e for e in await self.observe() if e.service == service and e.id not in known])
            raise

    async def reload(self, service: str, signal: str) -> None:
        before = {each.id for each in await self.observe() if each.service == service}
        await self._up([service])
        async with self.engine.api() as api:
            for each in await self.observe():
                if each.service == service and each.id in before and each.state != "down":
                    await (await api.containers.get(each.id)).kill(signal=signal)

    async def stop(self, service: str, grace: float) -> None:
        await self._drop([each for each in await self.observe() if each.service == service], grace)

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
        await self._compose("down", "--remove-orphans", "--timeout", "10")
        gone = [f"{self.project.name}_{name}" for name in volumes]
        if gone:
            await self.engine.command("volume", "rm", "--force", *gone)

    async def _drop(self, containers: Iterable[Container], grace: float = DRAIN_LIMIT) -> None:
        async with self.engine.api() as api:
            await asyncio.gather(*(_remove(api, each, grace) for each in containers))

    async def _up(self, services: Iterable[str]) -> None:
        await self._compose("up", "-d", "--no-deps", "--no-build", "--quiet-pull", *services)

    async def _compose(self, *arguments: str) -> None:
        where = ("-p", self.project.name, "-f", str(self.project.compose_file), "--progress", "plain")
        await self.engine.command("compose", *where, *arguments, env=self.project.variables())


async def _show(container: Any) -> dict[str, Any] | None:
    try:
        shown: dict[str, Any] = await container.show()
    except DockerError as error:
        if error.status == 404:  # gone since it was listed
            return None
        raise
    return shown


def _is_ours(shown: dict[str, Any]) -> bool:
    """Not what somebody ran once beside the stack, nor what the stack runs once by itself."""
    labels = shown["Config"]["Labels"]
    return labels.get(ONE_OFF) != "True" and RELEASE_LABEL in labels and labels[SERVICE] != MIGRATE


async def _remove(api: Any, container: Container, grace: float) -> None:
    try:
        found = await api.containers.get(container.id)
        await found.stop(t=max(1, round(grace)), timeout=grace + 30)
        await found.delete(force=True)
    except DockerError as error:
        if error.status != 404:
            raise


def _container(shown: dict[str, Any]) -> Container:
    labels, is_now = shown["Config"]["Labels"], shown["State"]
    state, why = state_of(is_now)
    began = is_now["StartedAt"] if state != "down" else is_now["FinishedAt"]
    return Container(
        service=labels[SERVICE],
        instance=f"{labels[SERVICE]}-{labels.get(NUMBER, '1')}",
        id=shown["Id"][:12],
        state=state,
        release=labels.get(RELEASE_LABEL, ""),
        since=_seconds(began),
        restarts=int(shown.get("RestartCount", 0)),
        pid=int(is_now.get("Pid", 0)),
        why=why,
        owner=labels.get(HOME_LABEL) or labels.get(FOLDER, ""),
    )


def state_of(is_now: dict[str, Any]) -> tuple[State, str]:
    """The state of a container and what it lacks, from the engine's own account of it. Pure."""
    status, health = is_now["Status"], is_now.get("Health") or {}
    if status == "restarting":
        return "starting", f"ended with exit code {is_now['ExitCode']}; the engine starts it again"
    if status != "running":
        killed = " (out of memory)" if is_now.get("OOMKilled") else ""
        return "down", is_now.get("Error") or f"{status}, exit code {is_now['ExitCode']}{killed}"
    said = [str(entry.get("Output", "")).strip() for entry in health.get("Log") or ()]
    last = said[-1][:300] if said else ""
    match health.get("Status", "none"):
        case "healthy" | "none":
            return "ready", ""
        case "starting":
            return "starting", last
        case _:
            return "degraded", last or "its health check fails"


def _seconds(time: str) -> float:
    return max(0.0, datetime.fromisoformat(time[:19] + "+00:00").timestamp())
