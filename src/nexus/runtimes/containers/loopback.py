"""The stack's stable ports on a manager's loopback: a Swarm can publish a port to the world only, so one
container beside it stands on this machine and passes on what its operator's commands ask.
"""

from __future__ import annotations

from nexus.render.containers.networks import networks_of
from nexus.render.containers.proxies import HAPROXY, behind_gateway
from nexus.render.containers.stores import POSTGRES_PORT, VALKEY_PORT
from nexus.render.loopback import Passage, loopback_config
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.project import Project
from nexus.runtimes.site import LOOPBACK

CONFIG = "loopback/haproxy.cfg"
INNER = {"postgres": POSTGRES_PORT, "valkey": VALKEY_PORT}


class Loopback:
    """That one container. `open` may be called again and again: it joins networks as they appear."""

    def __init__(self, engine: Engine, project: Project) -> None:
        self._engine = engine
        self._project = project
        self._name = f"{project.name}-loopback"

    async def open(self) -> None:
        """Makes the ports answer.

        Raises:
            EngineError: a port is taken, or the engine refuses.
        """
        joined = await self._joined()
        there = await self._there()
        for network in (name for name in there if name not in (joined or ())):
            if joined is None:
                await self._run(network)
                joined = [network]
            else:
                await self._engine.command("network", "connect", network, self._name)

    async def close(self) -> None:
        """Takes the container away."""
        await self._engine.command("rm", "--force", "--volumes", self._name)

    async def _run(self, network: str) -> None:
        file = self._project.folder / CONFIG
        file.parent.mkdir(parents=True, exist_ok=True)
        passages = self._passages()
        file.write_text(loopback_config(self._project.site.stack.name, passages))
        ports = [f"--publish={LOOPBACK}:{each.port}:{each.port}" for each in passages]
        await self._engine.command(
            *("run", "--detach", "--name", self._name, "--restart", "unless-stopped", "--network", network),
            *("--user", "99:99", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--memory", "64m", "--pids-limit", "50", "--log-opt", "max-size=4m"),
            *("--label", f"nexus.stack={self._project.name}"),
            *("--volume", f"{file}:/etc/nexus/haproxy.cfg:ro"),
            *ports,
            *(HAPROXY, "haproxy", "-db", "-f", "/etc/nexus/haproxy.cfg"),
        )

    def _passages(self) -> tuple[Passage, ...]:
        site = self._project.site
        gateway = next(iter(site.stack.of_kind("gateway")), None)
        behind = behind_gateway(site.stack)
        found = []
        for service in site.stack.services:
            if service.kind == "edge":
                continue
            host = gateway.name if gateway and service in behind else service.name
            inner = INNER.get(service.runtime, service.port)
            found.append(Passage(service.name, site.ports[service.name], host, inner))
        return tuple(found)

    async def _there(self) -> list[str]:
        """The stack's networks that exist and lead to something with a stable port."""
        site = self._project.site
        wanted = {n for s in site.stack.services for n in networks_of(site.stack, s)} - {"local"}
        out = await self._engine.command("network", "ls", "--format", "{{.Name}}")
        return [name for name in (f"{self._project.name}_{n}" for n in sorted(wanted)) if name in out.split()]

    async def _joined(self) -> list[str] | None:
        try:
            out = await self._engine.command(
                "inspect",
                "--format",
                "{{range $n, $_ := .NetworkSettings.Networks}}{{$n}} {{end}}",
                self._name,
            )
        except EngineError:
            return None
        return out.split()
