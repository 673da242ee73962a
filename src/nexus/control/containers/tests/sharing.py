"""A house that shares requests as on an engine: a real agent, a gateway with its script, the host."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from nexus.control.candidates import Candidates
from nexus.control.containers.split import Split
from nexus.render import HaproxyFacts, Server, haproxy_config
from nexus.render.haproxy import candidate_backend
from nexus.render.split import split_script
from nexus.render.tests.proxies import Proxy, Upstream, free_port, haproxy
from nexus.runtimes.containers.container import Container
from nexus.runtimes.site import Site
from nexus.stack import Service, Stack, load_stack
from nexus.stack.names import TELEMETRY
from nexus.telemetry.agent.allowed import Allowed
from nexus.telemetry.agent.application import application
from nexus.telemetry.agent.spool import Spool
from nexus.traffic.haproxy import HaproxyRuntime

GATE = "name: gate\nkind: gateway\nruntime: haproxy\nport: 9000\n"
TILL = "name: till\nruntime: python\nport: 9001\nroutes: [/api/till]\npublic: [/api/till]\n"
TOKEN = "open-sesame"
SECOND = "127.0.0.2"
GATEWAY_ID = "0123456789ab"


def unknown(service: str, release: str) -> Service:
    raise LookupError(release)


@dataclass
class Keeper:
    """What a keeper knows: its candidates, and one gateway."""

    candidates: Candidates
    seen: tuple[Container, ...] = (
        Container("gate", "gate-1", GATEWAY_ID, "ready", "r1", 0.0, addresses=frozenset({"127.0.0.1"})),
        Container("till", "till-1", "ba9876543210", "ready", "r1", 0.0),
        Container(TELEMETRY, "telemetry-1", "a0a0a0a0a0a0", "ready", "r1", 0.0),
    )


class Agent:
    """The agent on a port of its own, which dies and comes back knowing nothing."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._targets = folder / "targets.json"
        self._targets.write_text(json.dumps({"targets": []}))
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = application(Spool(), Allowed(self._targets), TOKEN)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


@dataclass
class House:
    """A site with its agent, its gateway and both releases of `till`."""

    site: Site
    agent: Agent
    keeper: Keeper
    split: Split
    gateway: Proxy
    socket: Path
    candidate: Upstream
    first: Upstream
    second: Upstream
    url: str
    http: aiohttp.ClientSession

    async def sides(self, count: int = 40) -> Counter[str]:
        found: Counter[str] = Counter()
        for _ in range(count):
            async with self.http.get(self.url) as answer:
                found[answer.headers["X-Served-By"]] += 1
        return found

    async def settles_on(self, side: str) -> None:
        async with asyncio.timeout(60):
            while set(await self.sides(5)) != {side}:
                await asyncio.sleep(0.05)

    async def loses(self, backend: str) -> None:
        """Returns when the gateway has seen that nobody answers in this backend."""
        async with asyncio.timeout(60):
            while (await HaproxyRuntime(self.socket).servers(backend))[0].state != "down":
                await asyncio.sleep(0.05)


def stack_in(root: Path) -> Stack:
    (root / "nexus.yaml").write_text("name: shop\n")
    for name, text in {"gate": GATE, "till": TILL}.items():
        (root / "modules" / name).mkdir(parents=True)
        (root / "modules" / name / "module.yaml").write_text(text)
    return load_stack(root)


@asynccontextmanager
async def gateway(
    folder: Path, stack: Stack, agent: Agent, old: int, new: int
) -> AsyncIterator[tuple[Proxy, int]]:
    ports = {name: free_port() for name in ("gate", "till")}
    servers: dict[str, tuple[Server, ...]] = {}
    servers["till"] = (Server("till-1", "127.0.0.1", old), Server("till-3", SECOND, old))
    servers[candidate_backend("till")] = (Server("till-2", "127.0.0.1", new),)
    split, script = folder / "split", folder / "split.lua"
    script.write_text(split_script(f"http://127.0.0.1:{agent.port}", split, ["till"]))
    facts = HaproxyFacts(
        "127.0.0.1", ports, folder / "h.sock", servers=servers, split=split, split_script=script
    )
    async with haproxy(folder, haproxy_config(stack, facts), ports["gate"]) as proxy:
        yield proxy, ports["gate"]
