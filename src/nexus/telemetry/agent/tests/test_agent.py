"""The agent: what modules send is kept until it is fetched, and only what the stack names is asked."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from nexus.telemetry.agent import asking
from nexus.telemetry.agent.allowed import Allowed, Target, TargetsError
from nexus.telemetry.agent.application import application
from nexus.telemetry.agent.receiving import LARGEST, PROTOBUF
from nexus.telemetry.agent.spool import OVERHEAD, Spool

Agent = TestClient[web.Request, web.Application]


def target(port: int, **asked: Any) -> dict[str, Any]:
    return {"service": "localhost", "port": port, "metrics": "/metrics", "ready": "/ready", **asked}


@pytest_asyncio.fixture
async def module() -> AsyncIterator[TestServer]:
    """A module that tells its metrics and health, and a secret that nobody is to ask for."""
    app = web.Application()

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def ready(request: web.Request) -> web.Response:
        return web.json_response({"ready": False, "instance": "till-7"}, status=503)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text="orders_total 3\n")

    async def endless(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * (asking.LARGEST + 1))

    app.add_routes(
        [
            web.get("/metrics", metrics),
            web.get("/ready", ready),
            web.get("/slow", slow),
            web.get("/endless", endless),
        ]
    )
    server = TestServer(app, host="127.0.0.1")
    async with server:
        yield server


@pytest_asyncio.fixture
async def agent(module: TestServer, tmp_path: Path) -> AsyncIterator[Agent]:
    file = tmp_path / "targets.json"
    ports = [target(module.port or 0), target(module.port or 0, metrics="/endless", live="/slow")]
    file.write_text(json.dumps({"targets": ports[1:]}))
    allowed = Allowed(file)
    file.write_text(json.dumps({"targets": ports[:1]}))
    allowed.renew()
    server = TestServer(application(Spool(limit=8 << 20), allowed), host="127.0.0.1")
    await server.start_server(auto_decompress=False)
    async with TestClient(server) as client:
        yield client


async def send(agent: Agent, body: bytes, signal: str = "traces", **headers: str) -> int:
    async with agent.post(
        f"/v1/{signal}", data=io.BytesIO(body), headers={"Content-Type": PROTOBUF, **headers}
    ) as answer:
        return answer.status


async def pull(agent: Agent, after: str = "", wait: float = 0) -> dict[str, Any]:
    async with agent.get("/pull", params={"after": after, "wait": str(wait)}) as answer:
        assert answer.status == 200
        told: dict[str, Any] = await answer.json()
        return told


def bodies(told: dict[str, Any]) -> list[bytes]:
    return [base64.b64decode(payload["body"]) for payload in told["payloads"]]


async def test_what_was_sent_comes_unread_and_again_until_it_is_acknowledged(agent: Agent) -> None:
    packed = gzip.compress(b"spans")
    assert await send(agent, packed, "traces", **{"Content-Encoding": "gzip"}) == 200
    assert await send(agent, b"points", "metrics") == 200
    first = await pull(agent)
    assert [(p["signal"], p["type"], p["encoding"]) for p in first["payloads"]] == [
        ("traces", PROTOBUF, "gzip"),
        ("metrics", PROTOBUF, ""),
    ]
    assert bodies(first) == bodies(await pull(agent)) == [packed, b"points"]
    assert bodies(await pull(agent, f"another:{first['cursor']}")) == [packed, b"points"]
    rest = await pull(agent, f"{first['boot']}:1")
    assert (bodies(rest), rest["cursor"]) == ([b"points"], 2)
    empty = await pull(agent, f"{first['boot']}:2")
    assert (empty["payloads"], empty["cursor"], empty["dropped"]) == ([], 2, 0)


async def test_a_waiting_question_is_answered_when_something_comes(agent: Agent) -> None:
    waiting = asyncio.create_task(pull(agent, wait=20))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await send(agent, b"late")
    assert bodies(await waiting) == [b"late"]


async def test_a_flood_drops_the_oldest_and_counts_them(agent: Agent) -> None:
    for number in range(12):
        assert await send(agent, bytes([number]) * (1 << 20)) == 200
    told = await pull(agent)
    assert told["dropped"] == 5
    assert bodies(told)[0][:1] == b"\x05"
    assert len(json.dumps(told)) <= 4 << 20


def test_small_payloads_are_bounded_too_and_old_ones_expire() -> None:
    now = 0.0
    spool = Spool(limit=100 * OVERHEAD, oldest=300, clock=lambda: now)
    for _ in range(1000):
        spool.add("traces", PROTOBUF, "", b"")
    assert (len(spool.take(1 << 30)), spool.dropped) == (100, 900)
    now = 301.0
    assert (spool.take(1 << 30), spool.dropped, spool.size) == ((), 1000, 0)


async def test_what_cannot_be_taken_is_refused_in_the_protocols_own_words(agent: Agent) -> None:
    assert await send(agent, b"x" * (LARGEST + 1)) == 413
    assert await send(agent, b"x", "traces", **{"Content-Encoding": "br"}) == 415
    assert await send(agent, b"x", "traces", **{"Content-Type": "text/plain"}) == 415
    async with agent.post("/v1/logs", json={}) as answer:
        assert (answer.status, await answer.text()) == (200, "{}")
    async with agent.get("/pull", params={"after": "7"}) as answer:
        assert answer.status == 400
    assert len((await pull(agent))["payloads"]) == 1


async def test_more_at_once_than_can_be_held_is_told_to_come_again(agent: Agent) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)

    async with ClientSession(base_url=str(agent.make_url("/"))) as http:
        hanging = [
            asyncio.create_task(
                http.post("/v1/traces", data=never(), headers={"Content-Type": PROTOBUF}).__aenter__()
            )
            for _ in range(4)
        ]
        await asyncio.sleep(0.2)
        async with agent.post("/v1/traces", data=b"x", headers={"Content-Type": PROTOBUF}) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            assert await answer.read() == b"\x08\x08\x12\x10too much at once"
        for each in hanging:
            each.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
    async with asyncio.timeout(30):
        while await send(agent, b"x") != 200:
            await asyncio.sleep(0.05)


async def test_an_instance_tells_its_metrics_its_health_and_its_name(
    agent: Agent, module: TestServer
) -> None:
    async with agent.post("/scrape", json={"targets": [target(module.port or 0)]}) as answer:
        (row,) = await answer.json()
    assert (row["service"], row["address"], row["instance"]) == (
        "localhost",
        f"127.0.0.1:{module.port}",
        "till-7",
    )
    assert (row["metrics"], row["metrics_error"]) == ("orders_total 3\n", "")
    assert (row["ready"]["ok"], row["ready"]["status"]) == (False, 503)
    assert (row["live"], row["business"]) == (None, None)


async def test_nothing_is_asked_that_the_stack_does_not_name(agent: Agent, module: TestServer) -> None:
    port = module.port or 0
    for stranger in (
        target(port, metrics="/secret"),
        target(port + 1),
        {**target(port), "service": "127.0.0.1"},
        {"service": "postgres", "port": 5432},
    ):
        async with agent.post("/scrape", json={"targets": [stranger]}) as answer:
            assert answer.status == 403
        async with agent.post("/scrape", json={"targets": [stranger, target(port)]}) as answer:
            assert len(await answer.json()) == 1
            assert answer.headers["X-Nexus-Refused"] == f"{stranger['service']}:{stranger['port']}"


async def test_instances_of_a_release_that_is_let_in_are_asked_too_and_of_no_other(
    module: TestServer, tmp_path: Path
) -> None:
    file, port = tmp_path / "targets.json", module.port or 0
    file.write_text(json.dumps({"targets": [target(port, candidate="127.0.0.1")]}))
    app = application(Spool(), Allowed(file), "open-sesame")
    async with TestClient(TestServer(app, host="127.0.0.1")) as agent:
        host = {"Authorization": "Bearer open-sesame"}

        async def sides(**asked: Any) -> list[str]:
            question = {"targets": [target(port, **asked)]}
            async with agent.post("/scrape", json=question, headers=host) as answer:
                return [row["side"] for row in await answer.json()]

        assert await sides() == ["stable"]
        told = {"version": "v1", "shares": {"localhost": 0}}
        await agent.put("/traffic", json=told, headers=host)
        assert await sides() == ["stable", "candidate"]
        assert await sides(candidate="no-such-host.invalid") == ["stable", "candidate"]


@pytest.mark.parametrize(
    "body", ["no json", "[]", '{"targets": [1]}', '{"targets": [{"service": "a", "port": 0}]}']
)
async def test_a_question_of_another_shape_is_refused(agent: Agent, body: str) -> None:
    async with agent.post("/scrape", data=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]


async def test_what_does_not_answer_or_never_ends_costs_two_seconds_and_no_memory(module: TestServer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        closed.listen(0)
        silent = closed.getsockname()[1]
        rows = await asking.ask_all(
            [
                Target("localhost", module.port or 0, "/endless", live="/slow", hosts=("localhost",)),
                Target("localhost", silent, "/metrics", hosts=("localhost",)),
                Target("no-such-host", 80, live="/", hosts=("no-such-host.invalid",)),
            ]
        )
    assert [row["metrics"] for row in rows] == [None, None]
    assert [row["metrics_error"] for row in rows] == ["more than 4194304 bytes", "no answer within 2 s"]
    assert rows[0]["live"]["detail"] == "no answer within 2 s"


def test_a_list_that_cannot_be_read_leaves_the_former_one_in_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "targets.json"
    with pytest.raises(TargetsError):
        Allowed(file)
    file.write_text(json.dumps({"targets": [target(80)]}))
    allowed = Allowed(file)
    file.write_text("{")
    allowed.renew()
    assert allowed.permits(Target("localhost", 80, "/metrics"))
    assert json.loads(capsys.readouterr().out)["level"] == "error"
