"""The brick beside the ERP's own, on a whole stack: built, started, routed, fed by the CRM, brought back."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import valkey

from nexus.testing import CHECKOUT, ThrowawayStack, eventually, throwaway_stack

# tests/runtimes asks the same of this brick on containers; its other tests, what it does when things die.
pytestmark = [pytest.mark.stack, pytest.mark.soak, pytest.mark.timeout(400)]

API = "/api/appointments"
OFF = ("sales", "inventory", "financial")


@pytest.fixture(scope="module")
def stack() -> Iterator[ThrowawayStack]:
    """A CRM with appointments."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not on PATH")
    root = Path(tempfile.mkdtemp(prefix="nexus-root-"))
    root.chmod(0o755)
    ignored = shutil.ignore_patterns("__pycache__", "tests", "node_modules", "dist")
    for name in ("modules", "kit", "company", "requirements", "invariants", "objectives", "examples"):
        shutil.copytree(CHECKOUT / name, root / name, ignore=ignored)
    text = (CHECKOUT / "nexus.yaml").read_text()
    for old, new in (
        ("bricks: [modules/*]", "bricks: [modules/*, examples/appointments]"),
        *((f"\n  {name}: on\n", f"\n  {name}: off\n") for name in OFF),
    ):
        assert old in text
        text = text.replace(old, new)
    (root / "nexus.yaml").write_text(text)
    try:
        with throwaway_stack(root=root) as fresh:
            yield fresh
    finally:
        shutil.rmtree(root)


@pytest_asyncio.fixture(loop_scope="session")
async def http(stack: ThrowawayStack) -> AsyncIterator[aiohttp.ClientSession]:
    """The demo company's administrator at the edge."""
    base = stack.address("nginx")
    body = {"email": "admin@nexus.local", "password": stack.admin_password()}
    async with (
        aiohttp.ClientSession() as anybody,
        anybody.post(f"{base}/api/auth/login", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()
        token = (await answer.json())["access_token"]
    async with aiohttp.ClientSession(base, headers={"Authorization": f"Bearer {token}"}) as session:
        yield session


async def _customer(http: aiohttp.ClientSession, name: str, tax_id: str) -> str:
    async with http.post("/api/crm/customers", json={"name": name, "tax_id": tax_id}) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["id"])


async def _book(http: aiohttp.ClientSession, customer_id: str, hour: int) -> dict[str, Any]:
    """Books as soon as the brick has heard of the customer."""
    body = {
        "customer_id": customer_id,
        "resource": "chair 1",
        "starts_at": f"2031-05-01T{hour:02d}:00:00-03:00",
        "ends_at": f"2031-05-01T{hour:02d}:45:00-03:00",
    }
    async with asyncio.timeout(60):
        while True:
            async with http.post(API, json=body, headers={"Idempotency-Key": f"hour-{hour}"}) as answer:
                said: dict[str, Any] = await answer.json(content_type=None)
            if answer.status == 201:
                return said
            assert said["type"] == "urn:nexus:problem:unknown-customer", said
            await asyncio.sleep(0.05)


async def test_a_customer_made_in_the_crm_books_an_appointment(
    stack: ThrowawayStack, http: aiohttp.ClientSession
) -> None:
    booked = await _book(http, await _customer(http, "Clara Dias", "529.982.247-25"), 9)
    assert booked["customer_name"] == "Clara Dias"
    check = json.loads(stack.nexus("check", "--json"))
    assert check["ok"]
    asked = {invariant["name"] for invariant in check["invariants"]}
    files = (CHECKOUT / "examples/appointments/invariants").glob("*.sql")
    assert {f"appointments/{file.stem.replace('_', '-')}" for file in files} <= asked


async def test_nothing_is_to_be_done_when_it_is_up(stack: ThrowawayStack) -> None:
    plan = stack.nexus("up", "--port-offset", str(stack.offset), "--plan")
    assert "appointments" not in plan


async def test_killed_it_comes_back_and_an_emptied_redis_loses_nothing(
    stack: ThrowawayStack, http: aiohttp.ClientSession
) -> None:
    (pid,) = stack.pids()["appointments"]
    os.kill(pid, signal.SIGKILL)
    eventually(
        lambda: stack.service("appointments")["state"] == "ready" and stack.pids()["appointments"] != [pid],
        60,
    )
    url = (stack.home / "secrets" / "appointments" / "redis_url").read_text().strip()
    with valkey.Valkey.from_url(url) as client:
        client.flushall()
    await _book(http, await _customer(http, "Otto Reis", "111.444.777-35"), 10)
    assert json.loads(stack.nexus("check", "--json"))["ok"]


async def test_a_deploy_builds_a_changed_brick_and_changes_over(
    stack: ThrowawayStack, http: aiohttp.ClientSession
) -> None:
    builds = stack.home / "builds" / "appointments"
    before = {each.name for each in builds.iterdir()}
    source = stack.root / "examples/appointments/src/main.ts"
    source.write_text(source.read_text().replace('title: "Appointments"', 'title: "Clinic"'))
    stack.nexus("deploy", "appointments", "--yes", "--bake", "0s")
    assert len({each.name for each in builds.iterdir()} - before) == 1
    async with (
        aiohttp.ClientSession(stack.address("appointments")) as direct,
        direct.get("/openapi.json") as answer,
    ):
        assert (await answer.json())["info"]["title"] == "Clinic"
