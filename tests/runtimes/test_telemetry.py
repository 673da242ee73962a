"""What a stack tells of itself on every runtime, before anybody stores it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import urllib.request
from typing import Any

import aiohttp
import psutil
import pytest

from nexus.stack.names import OTLP_PORT, TELEMETRY, TELEMETRY_TOKEN
from nexus.testing import ThrowawayStack, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

DOUBLED = "crm"
WITHIN = 30.0  # seconds: only a bound for the wait
WANTED = {
    "spans": f"WHERE service = '{DOUBLED}'",
    "logs": f"WHERE service = '{DOUBLED}' AND body = 'request'",
    "health": f"WHERE service = '{DOUBLED}' AND question = 'ready' AND ok",
}
CRM = {
    "service": DOUBLED,
    "port": 5004,
    "metrics": "/metrics",
    "live": "/health/live",
    "ready": "/health/ready",
}


def _agent(stack: ThrowawayStack) -> str:
    """The agent's address; containers alone have one."""
    if not stack.where:
        pytest.skip("processes need no agent")
    return f"http://127.0.0.1:{OTLP_PORT + stack.offset}"


def _token(stack: ThrowawayStack) -> dict[str, str]:
    """What the host says to the agent, so that it is answered."""
    file = stack.home / "secrets" / TELEMETRY / TELEMETRY_TOKEN
    return {"Authorization": f"Bearer {file.read_text()}"}


async def _scrape(stack: ThrowawayStack, *targets: dict[str, Any]) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession(_agent(stack), headers=_token(stack)) as http,
        http.post("/scrape", json={"targets": targets}) as answer,
    ):
        return answer.status, await answer.json()


def test_a_process_is_told_where_its_spans_go(stack: ThrowawayStack) -> None:
    if stack.where:
        pytest.skip("containers are told by their file")
    environment = psutil.Process(stack.pids()[DOUBLED][0]).environ()
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://127.0.0.1:{OTLP_PORT + stack.offset}"


async def test_spans_lines_and_health_of_a_module_are_found(stack: ThrowawayStack) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{stack.address('nginx')}/api/crm/customers") as answer:
            assert answer.status == 401
        async with http.get(f"{stack.address(DOUBLED)}/customers") as answer:
            assert answer.status in (401, 404)

    def missing() -> list[str]:
        found = {
            table: json.loads(stack.nexus("sql", f"SELECT count(*) AS n FROM {table} {where}", "--json"))[0][
                "n"
            ]
            for table, where in WANTED.items()
        }
        return [table for table, count in found.items() if not count]

    await asyncio.to_thread(eventually, lambda: not missing(), WITHIN, 0.5)


async def test_the_agent_asks_each_of_two_instances(stack: ThrowawayStack) -> None:
    async with asyncio.timeout(WITHIN):
        while True:
            status, rows = await _scrape(stack, CRM)
            if status == 200 and len(rows) == 2 and all(row["ready"]["ok"] for row in rows):
                break
            await asyncio.sleep(0.5)
    assert len({row["instance"] for row in rows}) == 2
    assert len({row["address"] for row in rows}) == 2
    assert all("# TYPE" in row["metrics"] for row in rows)
    assert all(row["live"]["ok"] and row["business"] is None for row in rows)


async def test_the_agent_asks_whatever_the_stack_names_and_nothing_else(stack: ThrowawayStack) -> None:
    _agent(stack)
    file = stack.home / "containers" / "telemetry" / "targets.json"
    targets = json.loads(file.read_text())["targets"]
    status, rows = await _scrape(stack, *targets)
    assert status == 200
    assert {row["service"] for row in rows} == {target["service"] for target in targets}
    unanswered = {row["service"] for row in rows if row["metrics"] is None}
    assert unanswered == {target["service"] for target in targets if not target["metrics"]}
    gateway = next(row for row in rows if row["service"] == "gateway")
    assert "haproxy_backend_http_responses_total" in gateway["metrics"]
    for stranger in (
        {**CRM, "metrics": "/internal/customers"},
        {**CRM, "port": 22},
        {"service": "postgres", "port": 5432},
        {"service": "169.254.169.254", "port": 80, "live": "/"},
    ):
        assert (await _scrape(stack, stranger))[0] == 403


async def test_the_agent_answers_nobody_but_its_host(stack: ThrowawayStack) -> None:
    async with aiohttp.ClientSession(_agent(stack)) as http:
        for method, path in (("GET", "/pull"), ("POST", "/scrape"), ("PUT", "/traffic")):
            async with http.request(method, path) as answer:
                assert answer.status == 401


async def test_nobody_else_is_told_the_gateways_metrics(stack: ThrowawayStack) -> None:
    if not stack.where:
        pytest.skip("on this machine alone")
    async with aiohttp.ClientSession() as http, http.get(f"{stack.address('gateway')}/metrics") as answer:
        assert answer.status == 404


def test_a_killed_agent_comes_back_and_is_not_missed(stack: ThrowawayStack) -> None:
    _agent(stack)
    if stack.where[1] == "swarm":
        pytest.skip("it may run on another machine of the Swarm")
    before = _boot(stack)
    home = f"label=nexus.home={stack.home}"
    call = ["docker", "ps", "-q", "-f", home, "-f", "label=com.docker.compose.service=telemetry"]
    container = subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["docker", "kill", container], capture_output=True, check=True)
    assert stack.status()["ready"]
    assert eventually(lambda: _boot(stack) not in ("", before), within=WITHIN, every=0.5)


def _boot(stack: ThrowawayStack) -> str:
    """The name of the agent's present life; "" while there is none."""
    try:
        request = urllib.request.Request(f"{_agent(stack)}/pull", headers=_token(stack))
        with urllib.request.urlopen(request, timeout=5) as answer:
            return str(json.load(answer)["boot"])
    except OSError:
        return ""
