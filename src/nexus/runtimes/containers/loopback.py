"""The stack's stable ports on a manager's loopback: a Swarm can publish a port to the world only, so
containers beside it stand on this machine and pass on what its operator's commands ask.
"""

from __future__ import annotations

import asyncio
import logging

from nexus.render.containers.networks import gateway_of, networks_of
from nexus.render.containers.proxies import HAPROXY, reached_through
from nexus.render.containers.spec import SETTINGS, Network
from nexus.render.containers.standby import unit_of_follower
from nexus.render.containers.telemetry import PORT, telemetry
from nexus.render.loopback import Passage, loopback_config
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.project import Project
from nexus.runtimes.site import INNER_PORTS, LOOPBACK
from nexus.stack.digest import text_digest

log = logging.getLogger("nexus.runtimes")

OWNER, DIGEST = "nexus.loopback", "nexus.digest"
ATTEMPTS, PAUSE = 5, 1.0  # seconds


class Loopback:
    """Those containers, one for each network that leads to stable ports. `open` may be called again.

    An internal network lets no port out, so each is also in a network of this machine.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()

    async def open(self, project: Project) -> None:
        """Makes the ports answer, as far as the networks behind them exist.

        Raises:
            EngineError: a port is taken, or the engine refuses.
        """
        async with self._turn:
            networks = (await self._engine.command("network", "ls", "--format", "{{.Name}}")).split()
            shape = '{{.Names}} {{.Label "' + DIGEST + '"}}'
            running = (await self._engine.command("ps", "--format", shape)).splitlines()
            if _bridge(project) not in networks:
                await self._engine.command("network", "create", "--driver", "bridge", _bridge(project))
            for network, passages in sorted(_groups(project).items()):
                name = _name(project, network)
                config = loopback_config(project.site.stack.name, passages)
                digest = text_digest(f"{_image(project)} {config}")
                if f"{project.name}_{network}" in networks and f"{name} {digest}" not in running:
                    await self._run(project, network, passages, config, digest)

    async def close(self, project: Project) -> None:
        """Takes the containers away."""
        mine = ("--all", "--quiet", "--filter", f"label={OWNER}={project.name}")
        found = (await self._engine.command("ps", *mine)).split()
        if found:
            await self._engine.command("rm", "--force", "--volumes", *found)
        networks = (await self._engine.command("network", "ls", "--format", "{{.Name}}")).split()
        if _bridge(project) in networks:
            await self._engine.command("network", "rm", _bridge(project))

    async def _run(
        self, project: Project, network: Network, passages: tuple[Passage, ...], config: str, digest: str
    ) -> None:
        name = _name(project, network)
        file = project.folder / "loopback" / f"{network}.cfg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(config)
        file.chmod(0o644)
        for attempt in range(1, ATTEMPTS + 1):
            await self._engine.command("rm", "--force", "--volumes", name)
            try:
                await self._engine.command(
                    *("run", "--detach", "--name", name, "--restart", "unless-stopped"),
                    *("--network", _bridge(project), "--network", f"{project.name}_{network}"),
                    *(
                        "--user",
                        "99:99",
                        "--read-only",
                        "--cap-drop",
                        "ALL",
                        "--security-opt",
                        "no-new-privileges",
                    ),
                    *("--memory", "64m", "--pids-limit", "50", "--log-opt", "max-size=4m"),
                    *("--label", f"{OWNER}={project.name}", "--label", f"{DIGEST}={digest}"),
                    *("--volume", f"{file}:{SETTINGS}/haproxy.cfg:ro"),
                    *(f"--publish={LOOPBACK}:{each.port}:{each.port}" for each in passages),
                    *(_image(project), "haproxy", "-db", "-f", f"{SETTINGS}/haproxy.cfg"),
                )
                return
            except EngineError as error:  # a network that was made a moment ago may not take anybody in yet
                if attempt == ATTEMPTS:
                    raise
                log.info("%s: attempt %d: %s", name, attempt, error)
                await asyncio.sleep(PAUSE)


def _bridge(project: Project) -> str:
    return f"{project.name}-loopback"


def _name(project: Project, network: Network) -> str:
    return f"{project.name}-loopback-{network}"


def _image(project: Project) -> str:
    gateway = gateway_of(project.site.stack)
    return (gateway.image if gateway else None) or HAPROXY


def _groups(project: Project) -> dict[Network, tuple[Passage, ...]]:
    """The passages of each network that leads to them."""
    site, found = project.site, dict[Network, tuple[Passage, ...]]()
    for service in site.stack.services:
        if service.kind == "edge":
            continue
        host = reached_through(site.stack, service)
        networks = networks_of(site.stack, site.stack.service(host))
        network: Network = "app" if "app" in networks else networks[0]
        inner = INNER_PORTS.get(service.runtime, service.inner_port)
        passage = Passage(service.name, site.ports[service.name], host, inner)
        found[network] = (*found.get(network, ()), passage)
        follower = project.placed.follower if project.placed is not None else None
        if service.runtime == "postgres" and follower is not None:
            standby = unit_of_follower(service.name)
            found[network] = (*found[network], Passage(standby, follower.port, standby, inner))
    if not site.stack.collects:
        return found
    spec = telemetry(site.stack)
    passage = Passage(spec.name, site.telemetry_port, spec.name, PORT)
    found[spec.networks[-1]] = (*found.get(spec.networks[-1], ()), passage)
    return found
