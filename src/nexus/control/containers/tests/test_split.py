"""Sharing requests on an engine: a real agent, a real gateway with its script, the host that tells them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from nexus.control.candidates import Candidate, Candidates
from nexus.control.containers.split import Split
from nexus.render import HaproxyFacts, Server, haproxy_config
from nexus.render.haproxy import candidate_backend
from nexus.render.split import split_script
from nexus.render.tests.proxies import Proxy, Upstream, free_port, haproxy, open_folder, upstream
from nexus.runtimes.containers.container import Container
from nexus.runtimes.home import Home
from nexus.runtimes.memory import Blank
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service, Stack, load_stack
from nexus.stack.names import TELEMETRY, TELEMETRY_TOKEN
from nexus.telemetry.agent.allowed import Allowed
from nexus.telemetry.agent.application import application
from nexus.telemetry.agent.spool import Spool
from nexus.traffic.haproxy import HaproxyRuntime

GATE = "name: gate\nkind: gateway\nruntime: haproxy\nport: 9000\n"
TILL = "name: till\nruntime: python\nport: 9001\nroutes: [/api/till]\npublic: [/api/till]\n"
TOKEN = "open-sesame"
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
    url: str
    http: aiohttp.ClientSession

    async def sides(self, count: int = 40) -> Counter[str]:
        found: Counter[str] = Counter()
        for _ in range(count):
            async with self.http.get(self.url) as answer:
                found[answer.headers["X-Served-By"]] += 1
        return found

    async def settles_on(self, side: str) -> None:
        async with asyncio.timeout(8):
            while set(await self.sides(5)) != {side}:
                await asyncio.sleep(0.05)

    async def loses(self, backend: str) -> None:
        """Returns when the gateway has seen that nobody answers in this backend."""
        async with asyncio.timeout(8):
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
    servers = {"till": (Server("till-1", "127.0.0.1", old),)}
    servers[candidate_backend("till")] = (Server("till-2", "127.0.0.1", new),)
    split, script = folder / "split", folder / "split.lua"
    script.write_text(split_script(f"http://127.0.0.1:{agent.port}", split, ["till"]))
    facts = HaproxyFacts(
        "127.0.0.1", ports, folder / "h.sock", servers=servers, split=split, split_script=script
    )
    async with haproxy(folder, haproxy_config(stack, facts), ports["gate"]) as proxy:
        yield proxy, ports["gate"]


@pytest_asyncio.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setenv("HOSTNAME", GATEWAY_ID)
    stack, home = stack_in(tmp_path), Home.at(tmp_path / "home")
    token = home.secret(TELEMETRY, TELEMETRY_TOKEN)
    token.parent.mkdir(parents=True)
    token.write_text(TOKEN)
    keeper = Keeper(Candidates(Blank({}), unknown))
    agent = Agent(tmp_path)
    site = Site(stack, home, {TELEMETRY: agent.port}, contained=True)
    await agent.start()
    async with contextlib.AsyncExitStack() as opened:
        opened.push_async_callback(agent.stop)
        old = await opened.enter_async_context(upstream("old"))
        new = await opened.enter_async_context(upstream("new"))
        folder = opened.enter_context(open_folder())
        proxy, port = await opened.enter_async_context(gateway(folder, stack, agent, old.port, new.port))
        http = await opened.enter_async_context(aiohttp.ClientSession())
        url = f"http://127.0.0.1:{port}/api/till"
        yield House(site, agent, keeper, Split(keeper), proxy, folder / "h.sock", new, url, http)


async def test_a_share_is_in_force_at_every_gateway_when_it_returns(house: House) -> None:
    await house.split.share(house.site, {"till": 100})
    assert set(await house.sides()) == {"new"}
    await house.split.share(house.site, {"till": 50})
    assert set(await house.sides()) == {"new", "old"}
    await house.split.share(house.site, {"till": 0})
    assert set(await house.sides()) == {"old"}
    assert "till 100 %" in house.gateway.log.read_text()


async def test_gateways_keep_their_shares_while_the_agent_is_away_and_after_it_forgot_them(
    house: House,
) -> None:
    house.keeper.candidates.put(Candidate("till", "r2", 1, 100))
    await house.split.share(house.site, {"till": 100})
    await house.agent.stop()
    assert set(await house.sides()) == {"new"}
    with pytest.raises(StartError, match="the agent of telemetry does not answer"):
        await house.split.share(house.site, {}, limit=0.3)
    await house.agent.start()
    house.gateway.reload()
    await house.settles_on("new")
    await house.split.repeat(house.site)
    await house.split.share(house.site, {"till": 100})
    house.keeper.candidates.drop("till")
    await house.split.repeat(house.site)
    await house.settles_on("old")


async def test_a_share_that_ended_while_the_agent_was_away_ends_when_it_is_back(house: House) -> None:
    await house.split.share(house.site, {"till": 100})
    await house.agent.stop()
    await house.agent.start()
    await house.split.repeat(house.site)
    await house.settles_on("old")


async def test_nobody_is_told_again_while_the_agent_does_not_run(house: House) -> None:
    await house.agent.stop()
    with pytest.raises(StartError, match="does not answer"):
        await house.split.repeat(house.site)
    house.keeper.seen = ()
    await house.split.repeat(house.site)


async def test_a_share_waits_until_the_gateways_reach_the_candidate(house: House) -> None:
    house.candidate.healthy = False
    await house.loses(candidate_backend("till"))
    with pytest.raises(StartError, match="gate-1 does not reach the new release of till"):
        await house.split.share(house.site, {"till": 5}, limit=1.5)
    house.candidate.healthy = True
    await house.split.share(house.site, {"till": 5})


async def test_who_has_not_taken_a_share_is_named(house: House) -> None:
    house.keeper.seen = (*house.keeper.seen, Container("gate", "gate-2", "cafecafecafe", "ready", "r1", 0.0))
    with pytest.raises(StartError, match="gate-2 does not ask the agent for its shares"):
        await house.split.share(house.site, {"till": 5}, limit=0.5)
    house.keeper.seen = ()
    with pytest.raises(StartError, match="no instance of gate is ready"):
        await house.split.share(house.site, {"till": 5}, limit=0.2)
    await house.split.share(house.site, {})


async def test_nobody_else_can_say_for_a_gateway_that_it_has_taken_a_share(house: House) -> None:
    gateway = replace(house.keeper.seen[0], addresses=frozenset({"127.0.0.9"}))
    house.keeper.seen = (gateway, *house.keeper.seen[1:])  # now gate-1's words come from a wrong address
    with pytest.raises(StartError, match="gate-1 does not ask the agent for its shares"):
        await house.split.share(house.site, {"till": 5}, limit=1.5)


async def test_a_stack_without_the_agent_cannot_share_and_says_how_to_mend_it(house: House) -> None:
    site = replace(house.site, stack=replace(house.site.stack, collects=False))
    with pytest.raises(StartError, match="collect: off"):
        await house.split.share(site, {"till": 5})
    await house.split.share(site, {"till": 0})


async def test_an_agent_that_does_not_know_the_token_is_told_apart_from_one_that_is_away(
    house: House,
) -> None:
    house.site.home.secret(TELEMETRY, TELEMETRY_TOKEN).write_text("another")
    with pytest.raises(StartError, match="answers 401"):
        await house.split.share(house.site, {"till": 5}, limit=0.2)
