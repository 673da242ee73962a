"""The house in which requests are shared."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from nexus.control.candidates import Candidates
from nexus.control.containers.split import Split
from nexus.control.containers.tests.sharing import (
    GATEWAY_ID,
    SECOND,
    TOKEN,
    Agent,
    House,
    Keeper,
    gateway,
    stack_in,
    unknown,
)
from nexus.render.tests.proxies import open_folder, upstream
from nexus.runtimes.home import Home
from nexus.runtimes.memory import Blank
from nexus.runtimes.site import Site
from nexus.stack.names import TELEMETRY, TELEMETRY_TOKEN


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
        second = await opened.enter_async_context(upstream("old", port=old.port, host=SECOND))
        new = await opened.enter_async_context(upstream("new"))
        folder = opened.enter_context(open_folder())
        proxy, port = await opened.enter_async_context(gateway(folder, stack, agent, old.port, new.port))
        http = await opened.enter_async_context(aiohttp.ClientSession())
        url = f"http://127.0.0.1:{port}/api/till"
        yield House(site, agent, keeper, Split(keeper), proxy, folder / "h.sock", new, old, second, url, http)
