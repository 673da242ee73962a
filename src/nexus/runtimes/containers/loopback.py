"""The stack's stable ports on a manager's loopback: a Swarm can publish a port to the world only, so one
container beside it stands on this machine and passes on what its operator's commands ask.
"""

from __future__ import annotations

import asyncio

from nexus.render.containers.networks import gateway_of, networks_of
from nexus.render.containers.proxies import HAPROXY, reached_through
from nexus.render.loopback import Passage, loopback_config
from nexus.runtimes.containers.engine import Engine
from nexus.runtimes.containers.project import Project
from nexus.runtimes.site import INNER_PORTS, LOOPBACK

CONFIG = "loopback/haproxy.cfg"


class Loopback:
    """That one container. `open` may be called again and again: it joins networks as they appear."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()

    async def open(self, project: Project) -> None:
        """Makes the ports answer.

        Raises:
            EngineError: a port is taken, or the engine refuses.
        """
        async with self._turn:
            joined = await self._joined(project)
            for network in await self._there(project):
                if joined is None:
                    await self._run(project, network)
                    joined = [network]
                elif network not in joined:
                    await self._engine.command("network", "connect", network, _name(project))

    async def close(self, project: Project) -> None:
        """Takes the container away."""
        await self._engine.command("rm", "--force", "--volumes", _name(project))

    async def _run(self, project: Project, network: str) -> None:
        file = project.folder / CONFIG
        file.parent.mkdir(parents=True, exist_ok=True)
        passages = _passages(project)
        file.write_text(loopback_config(project.site.stack.name, passages))
        file.chmod(0o644)
        await self._engine.command(
            *("run", "--detach", "--name", _name(project), "--restart", "unless-stopped"),
            *("--network", network, "--user", "99:99", "--read-only", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--memory", "64m", "--pids-limit", "50"),
            *("--log-opt", "max-size=4m", "--label", f"nexus.stack={project.name}"),
            *("--volume", f"{file}:/etc/nexus/haproxy.cfg:ro"),
            *(f"--publish={LOOPBACK}:{each.port}:{each.port}" for each in passages),
            *(_image(project), "haproxy", "-db", "-f", "/etc/nexus/haproxy.cfg"),
        )

    async def _there(self, project: Project) -> list[str]:
        """The stack's networks that exist and lead to something with a stable port."""
        stack = project.site.stack
        wanted = {n for service in stack.services for n in networks_of(stack, service)} - {"local"}
        out = await self._engine.command("network", "ls", "--format", "{{.Name}}")
        return [name for name in (f"{project.name}_{n}" for n in sorted(wanted)) if name in out.split()]

    async def _joined(self, project: Project) -> list[str] | None:
        """The networks it is in; None when it does not exist."""
        found = await self._engine.command(
            "container", "ls", "--all", "--quiet", "--filter", f"name=^{_name(project)}$"
        )
        if not found.strip():
            return None
        shape = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"
        return (await self._engine.command("inspect", "--format", shape, found.strip())).split()


def _name(project: Project) -> str:
    return f"{project.name}-loopback"


def _image(project: Project) -> str:
    gateway = gateway_of(project.site.stack)
    return (gateway.image if gateway else None) or HAPROXY


def _passages(project: Project) -> tuple[Passage, ...]:
    site = project.site
    return tuple(
        Passage(
            service.name,
            site.ports[service.name],
            reached_through(site.stack, service),
            INNER_PORTS.get(service.runtime, service.port),
        )
        for service in site.stack.services
        if service.kind != "edge"
    )
