"""How requests are shared: only the host may say so, and gateways tell what they have taken."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from nexus.telemetry.agent.allowed import Allowed
from nexus.telemetry.agent.application import application
from nexus.telemetry.agent.shares import MOST_GATEWAYS, OLDEST, Shares
from nexus.telemetry.agent.sharing import LARGEST
from nexus.telemetry.agent.spool import Spool

Agent = TestClient[web.Request, web.Application]
HOST = {"Authorization": "Bearer open-sesame"}
TOLD = {"version": "v1", "shares": {"sales": 25, "crm": 0}}


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[[str], Awaitable[Agent]]]:
    (tmp_path / "targets.json").write_text('{"targets": []}')
    running: list[Agent] = []

    async def begin(token: str) -> Agent:
        app = application(Spool(), Allowed(tmp_path / "targets.json"), token)
        running.append(TestClient(TestServer(app, host="127.0.0.1")))
        await running[-1].start_server()
        return running[-1]

    yield begin
    for each in running:
        await each.close()


@pytest_asyncio.fixture
async def agent(start: Callable[[str], Awaitable[Agent]]) -> Agent:
    return await start("open-sesame")


async def tell(agent: Agent, body: Any, headers: dict[str, str] = HOST) -> tuple[int, str]:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    async with agent.put("/traffic", data=data, headers=headers) as answer:
        return answer.status, await answer.text()


async def ask(agent: Agent, **query: str) -> tuple[int, str]:
    async with agent.get("/traffic", params=query) as answer:
        return answer.status, await answer.text()


async def test_a_gateway_is_told_once_what_is_new(agent: Agent) -> None:
    assert (await tell(agent, TOLD))[0] == 200
    assert await ask(agent, who="g1", have="v0") == (200, "# v1\ncrm 0\nsales 25\n")
    assert await ask(agent, who="g1", have="v1") == (204, "")


async def test_the_host_sees_which_gateway_has_taken_what(agent: Agent) -> None:
    await tell(agent, TOLD)
    await ask(agent, who="g1", have="v1", serving="sales,crm")
    async with agent.get("/traffic/seen", headers=HOST) as answer:
        seen = await answer.json()
    gateway = seen["gateways"]["127.0.0.1"]
    assert (seen["version"], gateway["who"], gateway["have"]) == ("v1", "g1", "v1")
    assert gateway["serving"] == ["sales", "crm"]
    assert 0 <= gateway["ago"] < 5


async def test_a_gateway_is_told_who_leaves_and_tells_what_they_still_have(agent: Agent) -> None:
    assert (await tell(agent, {**TOLD, "leaving": ["172.18.0.5"]}))[0] == 200
    assert await ask(agent, who="g1", have="v0", busy="172.18.0.5:3") == (
        200,
        "# v1\ncrm 0\nsales 25\n- 172.18.0.5\n",
    )
    async with agent.get("/traffic/seen", headers=HOST) as answer:
        assert (await answer.json())["gateways"]["127.0.0.1"]["busy"] == {"172.18.0.5": 3}
    await ask(agent, who="g1", have="v1", worker="9")  # after a reload another worker asks
    await ask(agent, who="g1", have="v1", busy="172.18.0.5:2", worker="8", former="1")
    async with agent.get("/traffic/seen", headers=HOST) as answer:
        told = (await answer.json())["gateways"]["127.0.0.1"]
        assert (told["worker"], told["busy"]) == ("9", {})
        assert {"have": "v1", "busy": {"172.18.0.5": 2}} in told["former"]
        assert {"have": "v0", "busy": {"172.18.0.5": 3}} in told["former"], "it may not have heard of it yet"
    assert (await tell(agent, {**TOLD, "leaving": ["a b"]}))[0] == 400
    assert (await ask(agent, who="g1", busy="172.18.0.5:-1"))[0] == 400


async def test_an_agent_that_has_just_started_changes_no_gateway(agent: Agent) -> None:
    assert await ask(agent, have="v7") == (204, "")
    async with agent.get("/traffic/seen", headers=HOST) as answer:
        assert (await answer.json())["version"] == ""


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer open"}, {"Authorization": "open-sesame"}])
async def test_nobody_without_the_token_shares_requests_or_sees_gateways(
    agent: Agent, given: dict[str, str]
) -> None:
    status, why = await tell(agent, TOLD, given)
    assert (status, "token" in why) == (401, True)
    async with agent.get("/traffic/seen", headers=given) as answer:
        assert answer.status == 401
    assert await ask(agent) == (204, "")


@pytest.mark.parametrize(("method", "path"), [("GET", "/pull"), ("POST", "/scrape"), ("PUT", "/traffic")])
async def test_where_there_is_a_token_nothing_is_told_to_others(agent: Agent, method: str, path: str) -> None:
    async with agent.request(method, path, data="{}") as answer:
        assert answer.status == 401
    async with agent.request(method, path, data="{}", headers=HOST) as answer:
        assert answer.status in (200, 400)


async def test_without_a_token_nobody_can_share_requests(
    start: Callable[[str], Awaitable[Agent]],
) -> None:
    agent = await start("")
    assert (await tell(agent, TOLD, {"Authorization": "Bearer "}))[0] == 404
    assert (await ask(agent))[0] == 404


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ("no json", 400, "the body is no JSON"),
        (b"[" * LARGEST, 400, "the body is no JSON"),
        ([], 400, "version is a word"),
        ({**TOLD, "version": "a b"}, 400, "version is a word"),
        ({**TOLD, "version": 1}, 400, "version is a word"),
        ({"version": "v"}, 400, "shares is an object"),
        ({**TOLD, "shares": {f"s{n}": 1 for n in range(501)}}, 400, "at most 500 services"),
        ({**TOLD, "shares": {"a\nb": 1}}, 400, "is no service's name"),
        ({**TOLD, "shares": {"sales": 101}}, 400, "the share of sales is no whole number from 0 to 100"),
        ({**TOLD, "shares": {"sales": -1}}, 400, "the share of sales"),
        ({**TOLD, "shares": {"sales": 2.5}}, 400, "the share of sales"),
        ({**TOLD, "shares": {"sales": True}}, 400, "the share of sales"),
        (b"[" * (LARGEST + 1), 413, "65536 bytes at most"),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_a_reason_and_changes_nothing(
    agent: Agent, body: Any, status: int, why: str
) -> None:
    await tell(agent, TOLD)
    found, said = await tell(agent, body)
    assert (found, why in said) == (status, True), said
    assert await ask(agent, have="v0") == (200, "# v1\ncrm 0\nsales 25\n")


@pytest.mark.parametrize("query", [{"who": "a b"}, {"have": "x" * 65}, {"serving": "sales,../x"}])
async def test_a_question_of_another_shape_is_refused(agent: Agent, query: dict[str, str]) -> None:
    assert (await ask(agent, **query))[0] == 400


def test_gateways_are_bounded_and_forgotten_when_they_ask_no_more() -> None:
    now = 0.0
    shares = Shares(clock=lambda: now)
    for number in range(MOST_GATEWAYS + 10):
        shares.ask(f"10.0.{number // 250}.{number % 250}", {"who": "g"})
    assert len(shares.seen()["gateways"]) == MOST_GATEWAYS
    now = OLDEST + 1
    shares.ask("10.9.9.9", {"who": "g"})
    assert list(shares.seen()["gateways"]) == ["10.9.9.9"]
