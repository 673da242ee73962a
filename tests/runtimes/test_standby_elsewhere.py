"""A Swarm loses the node with the database while a brick writes: a standby elsewhere takes its place."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from nexus.testing import CHECKOUT, ThrowawayStack, eventually, throwaway_stack

ENGINE = os.environ.get("NEXUS_TEST_ENGINE", "")  # a program that can cut and restore a node's power
WITHIN = 120.0  # seconds: only a bound for each wait
NODE = "node3"  # holds the database's data first

pytestmark = [
    pytest.mark.stack,
    pytest.mark.docker,
    pytest.mark.swarm,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not ENGINE, reason="NEXUS_TEST_ENGINE names no program that cuts a node's power"),
]

STACK = """\
name: small
telemetry: {collect: off}
shared: {python: [requirements/runtime.lock, requirements/modules.lock]}
infrastructure:
  gate:
    kind: gateway
    runtime: haproxy
    port: 9000
    env: {RATE_LIMIT_PUBLIC_REQUESTS: "1000000", RATE_LIMIT_REQUESTS: "1000000"}
  db: {kind: database, runtime: postgres, port: 9005}
"""
BRICK = """\
name: shop
runtime: python
command: [python, -m, shop]
port: 9001
routes: [/]
public: [/*]
needs: {hard: [db]}
database: {schema: shop}
health: {live: /live, ready: /live}
"""
CODE = '''\
"""Sells: each request is a row, and answered when that is committed."""
import os
from pathlib import Path

import asyncpg
from aiohttp import web

URL = Path(os.environ["DATABASE_URL_FILE"]).read_text()


async def sell(request):
    connection = await asyncpg.connect(URL, timeout=3)
    try:
        return web.json_response(await connection.fetchval("INSERT INTO sale DEFAULT VALUES RETURNING id"))
    finally:
        connection.terminate()


async def live(request):
    return web.Response()


app = web.Application()
app.add_routes([web.get("/live", live), web.get("/sell", sell)])
web.run_app(app, host=os.environ["HOST"], port=int(os.environ["PORT"]))
'''


@pytest.fixture(scope="module")
def stack(where: Mapping[str, tuple[str, ...]]) -> Iterator[ThrowawayStack]:
    """A brick, its gateway and its database, whose data are on another node than we talk to."""
    root = Path(tempfile.mkdtemp(prefix="nexus-shop-"))
    root.chmod(0o755)
    brick = root / "modules" / "shop"
    (brick / "migrations" / "1_sales").mkdir(parents=True)
    (root / "nexus.yaml").write_text(STACK)
    (brick / "module.yaml").write_text(BRICK)
    (brick / "shop.py").write_text(CODE)
    sql = "CREATE TABLE sale (id bigserial PRIMARY KEY);"
    (brick / "migrations" / "1_sales" / "migration.sql").write_text(sql)
    shutil.copytree(CHECKOUT / "requirements", root / "requirements")
    try:
        with _data_on(NODE), throwaway_stack(root=root, where=where["swarm"]) as running:
            yield running
    finally:
        shutil.rmtree(root)


@contextmanager
def _data_on(node: str) -> Iterator[None]:
    """While inside, this node alone is labelled to hold databases' data."""
    nodes = _docker("node", "ls", "--format", "{{.Hostname}}").split()
    shape = '{{index .Spec.Labels "nexus.data"}}'
    before = [each for each in nodes if _docker("node", "inspect", each, "--format", shape) == "true"]
    for each in before:
        _docker("node", "update", "--label-rm", "nexus.data", each)
    _docker("node", "update", "--label-add", "nexus.data=true", node)
    try:
        yield
    finally:
        _docker("node", "update", "--label-rm", "nexus.data", node)
        for each in before:
            _docker("node", "update", "--label-add", "nexus.data=true", each)


class Customers:
    """They buy one after the other; what was acknowledged is kept."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._buy, daemon=True)
        self.acknowledged: list[int] = []

    def __enter__(self) -> Customers:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _buy(self) -> None:
        while not self._stop.is_set():
            try:
                with urllib.request.urlopen(f"{self._address}/sell", timeout=5) as answer:
                    self.acknowledged.append(int(json.load(answer)))
            except (OSError, http.client.HTTPException):
                # The database is away, or the gateway, or an answer broke off: nothing is acknowledged.
                self._stop.wait(0.1)

    def go_on(self) -> None:
        """Returns when somebody was served from now on."""
        before = len(self.acknowledged)
        eventually(lambda: len(self.acknowledged) > before, within=WITHIN)


def test_nothing_acknowledged_is_lost_and_no_module_restarts(stack: ThrowawayStack) -> None:
    assert [each["node"] for each in stack.service("db")["instances"]] == [NODE]
    shop = _elsewhere(stack)
    stack.nexus("standby", "add", "--auto")
    added = _standby(stack)
    assert added["standby"]["waited_for"]
    assert NODE not in added["standby"]["data"]

    with Customers(stack.address("shop")) as customers:
        customers.go_on()
        _power("kill")
        try:
            eventually(lambda: _standby(stack)["last"], within=WITHIN, every=0.5)
            customers.go_on()
        finally:
            _power("revive")
    moved = _standby(stack)
    assert moved["last"]["acknowledged"]
    assert moved["standby"] is None
    assert moved["primary"]["data"] == added["standby"]["data"]
    assert set(customers.acknowledged) <= _sales(stack)
    assert [each["container"] for each in shop] == _containers(stack)

    eventually(lambda: all(each["marked"] for each in _standby(stack)["left"]), within=WITHIN, every=0.5)
    stack.nexus("standby", "add")
    with Customers(stack.address("shop")) as later:
        later.go_on()
        stack.nexus("failover", "--yes")
        later.go_on()
    assert _standby(stack)["decision"] == moved["decision"] + 1
    assert {*customers.acknowledged, *later.acknowledged} <= _sales(stack)
    assert [each["container"] for each in shop] == _containers(stack)
    assert _standby(stack)["primary"]["data"] != moved["primary"]["data"]
    served = stack.service("db")["instances"]
    stack.up()
    assert stack.service("db")["instances"] == served


def _elsewhere(stack: ThrowawayStack) -> list[dict[str, Any]]:
    """The module's instances, none of them on the node that will be lost: a Swarm places them as it likes."""
    for _ in range(5):
        shop: list[dict[str, Any]] = stack.service("shop")["instances"]
        if NODE not in {each["node"] for each in shop}:
            return shop
        stack.nexus("restart", "shop")
    raise AssertionError(f"the Swarm has the module on {NODE} whatever it is asked")


def _standby(stack: ThrowawayStack) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.nexus("standby", "status", "--json"))
    return found


def _containers(stack: ThrowawayStack) -> list[str]:
    return [each["container"] for each in stack.service("shop")["instances"]]


def _sales(stack: ThrowawayStack) -> set[int]:
    url = (stack.home / "secrets" / "db" / "admin_url").read_text().strip()

    async def ask() -> set[int]:
        """Over a node that has its power again, a connection may be cut while the overlay settles."""
        async with asyncio.timeout(30):
            while True:
                try:
                    connection = await asyncpg.connect(url, timeout=10)
                    try:
                        return {row["id"] for row in await connection.fetch("SELECT id FROM shop.sale")}
                    finally:
                        await connection.close()
                except (OSError, asyncpg.PostgresConnectionError):
                    await asyncio.sleep(0.5)

    return asyncio.run(ask())


def _power(what: str) -> None:
    number = NODE.removeprefix("node")
    subprocess.run([ENGINE, f"swarm-{what}", number], check=True, capture_output=True)


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
