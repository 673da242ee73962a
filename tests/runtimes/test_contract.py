"""What every runtime promises, held to on real processes, real Docker and a real Swarm."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import uuid
import zlib
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
import pytest

from nexus.stack import load_stack
from nexus.testing import ThrowawayStack, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

DOUBLED = "crm"
BACK_WITHIN = 60.0  # seconds: only a bound for the wait
NODES = os.environ.get("NEXUS_TEST_NODES", "")  # a folder of the sockets of a Swarm's other engines


async def _token(stack: ThrowawayStack) -> str:
    body = {"email": "admin@nexus.local", "password": stack.admin_password()}
    url = f"{stack.address('nginx')}/api/auth/login"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
        assert answer.status == 200, await answer.text()
        return str((await answer.json())["access_token"])


async def _get(stack: ThrowawayStack, path: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{stack.address('nginx')}{path}"
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
        return answer.status


def _kill(instance: dict[str, Any]) -> None:
    """SIGKILL, whatever the instance is and wherever it runs."""
    if not instance["container"]:
        os.kill(instance["pid"], signal.SIGKILL)
        return
    engines = [[], *(["-H", f"unix://{socket}"] for socket in Path(NODES).glob("node*.sock") if NODES)]
    for engine in engines:
        call = ["docker", *engine, "kill", instance["container"]]
        if subprocess.run(call, capture_output=True, check=False).returncode == 0:
            return
    if instance["node"] and not NODES:
        pytest.skip("NEXUS_TEST_NODES names no folder of the sockets of the Swarm's engines")
    raise AssertionError(f"no engine has {instance['container']}")


def test_up_ends_when_every_service_is_ready_and_again_changes_nothing(stack: ThrowawayStack) -> None:
    status = stack.status()
    assert status["ready"]
    assert status["runtime"] == (stack.where[1] if stack.where else "process")
    assert {service["state"] for service in status["services"]} == {"ready"}
    eventually(
        lambda: _all_ready(stack), within=60, every=0.5
    )  # a service is when enough of its instances are
    before = _instances(stack)
    assert "nothing to do" in stack.up()
    after = _instances(stack)
    assert after == before


def _all_ready(stack: ThrowawayStack) -> bool:
    services = [service for service in stack.status()["services"] if service["kind"] != "control"]
    return all(i["state"] == "ready" for service in services for i in service["instances"])


def _instances(stack: ThrowawayStack) -> dict[str, list[object]]:
    """What runs of each service; the control loop may hand over to a newer one at any command."""
    services = [service for service in stack.status()["services"] if service["kind"] != "control"]
    return {s["name"]: [i["container"] or i["pid"] for i in s["instances"]] for s in services}


def test_the_plan_of_a_stack_that_is_up_is_empty(stack: ThrowawayStack) -> None:
    assert "nothing to do" in stack.nexus("up", "--plan")


def test_orders_go_from_quote_to_ledger_and_the_books_are_clean(stack: ThrowawayStack) -> None:
    report = json.loads(stack.nexus("simulate", "--orders", "40", "--seed", "5", "--json"))
    assert report["orders"]["failed"] == 0
    assert report["orders"]["completed"] >= 30
    assert report["invariants_ok"]
    assert json.loads(stack.nexus("check", "--json"))["ok"]


async def test_a_brick_of_another_language_hears_of_customers_and_refuses_strangers(
    stack: ThrowawayStack,
) -> None:
    if not any(service["name"] == "appointments" for service in stack.status()["services"]):
        pytest.skip("Node.js and npm are not on PATH")
    headers = {"Authorization": f"Bearer {await _token(stack)}"}
    async with aiohttp.ClientSession(stack.address("nginx"), headers=headers) as http:
        body = {"name": "Clara Dias", "tax_id": "529.982.247-25"}
        async with http.post("/api/crm/customers", json=body) as answer:
            assert answer.status == 201, await answer.text()
            known = str((await answer.json())["id"])
        assert await _book(http, str(uuid.uuid4())) == "urn:nexus:problem:unknown-customer"
        async with asyncio.timeout(BACK_WITHIN):
            while await _book(http, known) != "booked":
                await asyncio.sleep(0.1)


async def _book(http: aiohttp.ClientSession, customer: str) -> str:
    """`booked`, or the type of the problem."""
    body = {
        "customer_id": customer,
        "resource": "chair 1",
        "starts_at": "2031-05-01T09:00:00-03:00",
        "ends_at": "2031-05-01T09:45:00-03:00",
    }
    async with http.post("/api/appointments", json=body) as answer:
        said = await answer.json(content_type=None)
        return "booked" if answer.status == 201 else str(said["type"])


def test_every_stable_port_answers_on_loopback_and_only_the_edge_beyond_it(stack: ThrowawayStack) -> None:
    services = load_stack(stack.root).services
    ports = {service.port + stack.offset: service for service in services}
    open_to = {
        (connection.laddr.port, connection.laddr.ip)
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port in ports
    }
    assert {port for port, _ in open_to} == set(ports)
    beyond = {ports[port].kind for port, address in open_to if address != "127.0.0.1"}
    assert beyond == {"edge"}


async def test_a_killed_instance_is_not_missed_and_comes_back(stack: ThrowawayStack) -> None:
    token = await _token(stack)
    instances = stack.service(DOUBLED)["instances"]
    assert len(instances) == 2
    _kill(instances[0])
    statuses = [await _get(stack, "/api/crm/customers", token) for _ in range(40)]
    assert set(statuses) == {200}
    eventually(lambda: stack.service(DOUBLED)["state"] == "ready", within=BACK_WITHIN, every=0.5)
    assert sum(i["state"] == "ready" for i in stack.service(DOUBLED)["instances"]) == 2


def test_databases_and_proxies_killed_all_at_once_come_back_with_every_row(stack: ThrowawayStack) -> None:
    services = {each["name"]: each for each in stack.status()["services"]}
    killed = [
        each for name in ("postgres", "redis", "gateway", "nginx") for each in services[name]["instances"]
    ]
    for instance in killed:
        _kill(instance)
    former = {_life(instance) for instance in killed}

    def back() -> bool:
        status = stack.status()
        there = {_life(each) for service in status["services"] for each in service["instances"]}
        return bool(status["ready"]) and not there & former

    eventually(back, within=BACK_WITHIN, every=0.5)
    report = json.loads(stack.nexus("simulate", "--orders", "10", "--seed", "6", "--json"))
    assert report["orders"]["failed"] == 0
    assert report["invariants_ok"]


def _life(instance: dict[str, Any]) -> tuple[object, ...]:
    """What no later life of an instance shares with it: a container may be started again as the same."""
    return instance["id"], instance["container"] or instance["pid"], instance["since"]


async def test_a_restart_puts_other_instances_in_place_and_no_request_fails(stack: ThrowawayStack) -> None:
    token = await _token(stack)
    before = {i["container"] or i["pid"] for i in stack.service(DOUBLED)["instances"]}
    restart = asyncio.create_task(asyncio.to_thread(stack.nexus, "restart", DOUBLED))
    statuses = []
    while not restart.done():
        statuses.append(await _get(stack, "/api/crm/customers", token))
        await asyncio.sleep(0.02)
    await restart
    after = {i["container"] or i["pid"] for i in stack.service(DOUBLED)["instances"]}
    assert len(after) == len(before)
    assert not before & after
    assert stack.service(DOUBLED)["state"] == "ready"
    assert set(statuses) == {200}


def test_the_log_of_a_service_is_found_and_its_own(stack: ThrowawayStack) -> None:
    def lines() -> list[str]:
        return stack.nexus("logs", "sales", "-n", "20", "--json").splitlines()

    found = eventually(lines, within=20, every=0.5)
    assert {json.loads(line)["service"] for line in found} == {"sales"}
    assert stack.run("logs", "nobody").returncode == 2


async def test_a_modules_database_role_cannot_read_another_schema(stack: ThrowawayStack) -> None:
    password = (stack.home / "secrets" / "sales" / "database_password").read_text().strip()
    port = stack.service("postgres")["port"]
    url = f"postgresql://sales:{password}@127.0.0.1:{port}/nexus"
    connection = await asyncpg.connect(url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM financial.outbox LIMIT 1")
    finally:
        await connection.close()


def test_a_stack_that_runs_cannot_be_moved_to_another_runtime(stack: ThrowawayStack) -> None:
    other = "compose" if stack.status()["runtime"] == "process" else "process"
    done = stack.run("up", "--runtime", other)
    assert done.returncode == 2
    assert "take it down" in done.stderr


def test_down_leaves_nothing_running_and_up_finds_every_row_again(stack: ThrowawayStack) -> None:
    before = _orders(stack)
    assert before
    stack.nexus("down")
    status = stack.status()
    assert {service["state"] for service in status["services"]} == {"down"}
    if stack.where:
        left = subprocess.run(
            ["docker", "ps", "-aq", "--filter", f"name={_project(stack)}"], capture_output=True, text=True
        )
        assert left.stdout == ""
    stack.up()
    assert stack.status()["ready"]
    assert _orders(stack) == before
    assert json.loads(stack.nexus("check", "--json"))["ok"]


def _orders(stack: ThrowawayStack) -> int:
    async def count() -> int:
        connection = await asyncpg.connect(stack.admin_dsn())
        try:
            return int(await connection.fetchval("SELECT count(*) FROM sales.orders WHERE NOT synthetic"))
        finally:
            await connection.close()

    return asyncio.run(count())


def _project(stack: ThrowawayStack) -> str:
    return f"nexus-{zlib.crc32(os.fsencode(stack.home)):08x}"


def test_a_killed_control_loop_does_not_take_services_along(stack: ThrowawayStack) -> None:
    before = {i["container"] or i["pid"] for i in stack.service("sales")["instances"]}
    loop = next(i["pid"] for i in stack.service("control")["instances"] if i["id"] == "control-loop")
    os.kill(loop, signal.SIGKILL)
    eventually(lambda: stack.service("control")["state"] == "ready", within=BACK_WITHIN)
    assert {i["container"] or i["pid"] for i in stack.service("sales")["instances"]} == before
