"""The Compose runtime: one engine on this machine. Containers outlive the control loop by themselves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from aiodocker.exceptions import DockerError

from nexus.render.containers.networks import gateway_of
from nexus.runtimes.containers.batch import Batch
from nexus.runtimes.containers.container import HOME_LABEL, RELEASE_LABEL, Container, State
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.project import Project

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
FOLDER = "com.docker.compose.project.working_dir"
REVIVE_GRACE = 5
NOTICE_S = 2.0  # until the gateway has heard of a new instance: its name server is asked every second
DRAIN_LIMIT = 30.0
READY_LIMIT = 120


class ComposeRuntime:
    """Drives `docker compose` for what it defines, and the engine's API for what exists."""

    project: Project

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._starting = Batch(self._up)

    async def observe(self) -> tuple[Container, ...]:
        async with self.engine.api() as api, _told():
            listed = await api.containers.list(all=1, filters={"label": [f"{PROJECT}={self.project.name}"]})
            shown = await asyncio.gather(*(_show(container) for container in listed))
        found = [_container(each) for each in shown if each is not None]
        return tuple(sorted(found, key=lambda each: (each.service, each.instance)))

    async def start(self, service: str) -> None:
        await self._starting.add(service)

    async def replace(self, service: str) -> None:
        """The containers of a module behind a gateway one by one, each new one first; what holds a port or
        data must go before. When a new one does not become ready it is removed, and the old ones go on.
        """
        stack = self.project.site.stack
        old = [each for each in await self.observe() if each.service == service]
        if not old or stack.service(service).kind != "module" or gateway_of(stack) is None:
            await self._compose("up", "-d", "--no-deps", "--no-build", "--force-recreate", service)
            return
        more = ("--no-recreate", "--scale", f"{service}={len(old) + 1}")
        for leaving in old:
            known = {each.id for each in await self.observe() if each.service == service}
            wait = ("--wait", "--wait-timeout", str(READY_LIMIT))
            try:
                await self._compose("up", "-d", *wait, "--no-deps", "--no-build", *more, service)
            except EngineError:
                await self._drop(
                    [e for e in await self.observe() if e.service == service and e.id not in known]
                )
                raise
            await asyncio.sleep(NOTICE_S)
            await self._drop([leaving])

    async def reload(self, service: str, signal: str) -> None:
        before = {each.id for each in await self.observe() if each.service == service}
        await self._up([service])
        async with self.engine.api() as api, _told():
            for each in await self.observe():
                if each.service == service and each.id in before and each.state != "down":
                    await (await api.containers.get(each.id)).kill(signal=signal)

    async def stop(self, service: str, grace: float) -> None:
        await self._drop([each for each in await self.observe() if each.service == service], grace)

    async def revive(self, container: Container) -> None:
        async with self.engine.api() as api, _told():
            await (await api.containers.get(container.id)).restart(timeout=REVIVE_GRACE)

    async def answers(self, container: Container, test: Iterable[str]) -> bool:
        with contextlib.suppress(EngineError):
            await self.engine.command("exec", container.id, *test, timeout=10.0)
            return True
        return False

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
        async with self.engine.api() as api, _told():
            await asyncio.gather(*(_remove(api, each, grace) for each in containers))

    async def _up(self, services: Iterable[str]) -> None:
        await self._compose("up", "-d", "--no-deps", "--no-build", "--quiet-pull", *services)

    async def _compose(self, *arguments: str) -> None:
        where = ("-p", self.project.name, "-f", str(self.project.compose_file), "--progress", "plain")
        await self.engine.command("compose", *where, *arguments, env=self.project.variables())


@contextlib.asynccontextmanager
async def _told() -> Any:
    """Turns the API's errors into the engine's."""
    try:
        yield
    except DockerError as error:
        raise EngineError(f"the engine refused: {error.message}") from error
    except OSError as error:
        raise EngineError(f"the engine does not answer: {error}") from error


async def _show(container: Any) -> dict[str, Any] | None:
    try:
        shown: dict[str, Any] = await container.show()
    except DockerError as error:
        if error.status == 404:  # gone since it was listed
            return None
        raise
    return shown


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
