"""Two instances of a foreign service behind the gateway: nobody notices when one of them goes."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from nexus.testing import ThrowawayStack, eventually, throwaway_stack

pytestmark = pytest.mark.timeout(120)

FOREIGN = Path(__file__).parent
AT_LAST = 60.0  # seconds: only a bound for a wait; bench/sigkill.py measures
STACK = """\
name: fronted
bricks: ['*']
infrastructure:
  gate: {kind: gateway, runtime: haproxy, port: 5105}
"""
CLOCK = """\
name: clock
runtime: command
command: [python3, server.py]
port: 5101
routes: [/]
public: [/*]
health: {live: /live, ready: /ready}
scale: {min: 2, max: 3}
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[ThrowawayStack]:
    root = Path(tempfile.mkdtemp(prefix="nexus-fronted-"))
    root.chmod(0o755)
    (root / "clock").mkdir(mode=0o755)
    (root / "nexus.yaml").write_text(STACK)
    (root / "clock" / "module.yaml").write_text(CLOCK)
    shutil.copy(FOREIGN / "clock" / "server.py", root / "clock")
    with throwaway_stack(root=root) as running:
        yield running
    shutil.rmtree(root)


@pytest.fixture
async def clients(
    stack: ThrowawayStack,
) -> AsyncIterator[Callable[[Awaitable[object]], Awaitable[Counter[int]]]]:
    """Asks without a pause while something happens; returns how often each status was answered."""
    url = stack.address("clock")
    async with aiohttp.ClientSession() as http:

        async def during(something: Awaitable[object]) -> Counter[int]:
            statuses: Counter[int] = Counter()
            over = asyncio.Event()

            async def ask() -> None:
                while not over.is_set():
                    async with http.get(url) as answer:
                        await answer.read()
                        statuses[answer.status] += 1

            asking = [asyncio.create_task(ask()) for _ in range(4)]
            await something
            over.set()
            await asyncio.gather(*asking)
            return statuses

        yield during


def whole(stack: ThrowawayStack) -> bool:
    return bool(stack.status()["ready"]) and len(stack.pids()["clock"]) == 2


async def test_both_instances_get_requests(stack: ThrowawayStack) -> None:
    answered = set()
    async with aiohttp.ClientSession() as http:
        for _ in range(20):
            async with http.get(stack.address("clock")) as answer:
                answered.add((await answer.json())["pid"])
    assert answered == set(stack.pids()["clock"])


async def test_no_request_fails_when_one_instance_is_killed(
    stack: ThrowawayStack, clients: Callable[[Awaitable[object]], Awaitable[Counter[int]]]
) -> None:
    def kill() -> None:
        killed = stack.pids()["clock"][0]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in stack.pids()["clock"] and whole(stack), AT_LAST)

    assert set(await clients(asyncio.to_thread(kill))) == {200}


async def test_no_request_fails_when_the_control_loop_is_killed(
    stack: ThrowawayStack, clients: Callable[[Awaitable[object]], Awaitable[Counter[int]]]
) -> None:
    before = stack.pids()

    def kill() -> None:
        loop = before["control"][0]
        os.kill(loop, signal.SIGKILL)
        eventually(lambda: loop not in (found := stack.pids())["control"] and found["control"], AT_LAST)
        eventually(lambda: whole(stack), AT_LAST)

    assert set(await clients(asyncio.to_thread(kill))) == {200}
    assert stack.pids()["clock"] == before["clock"]


async def test_no_request_fails_during_a_restart(
    stack: ThrowawayStack, clients: Callable[[Awaitable[object]], Awaitable[Counter[int]]]
) -> None:
    before = stack.pids()["clock"]
    assert set(await clients(asyncio.to_thread(stack.nexus, "restart", "clock"))) == {200}
    assert not set(before) & set(stack.pids()["clock"])


async def test_no_request_fails_when_a_brick_joins_and_the_gateway_learns_its_routes(
    stack: ThrowawayStack, clients: Callable[[Awaitable[object]], Awaitable[Counter[int]]]
) -> None:
    clocks = stack.pids()["clock"]
    shutil.copytree(FOREIGN / "clock", stack.root / "sundial", dirs_exist_ok=True)
    manifest = CLOCK
    for old, new in (
        ("name: clock", "name: sundial"),
        ("5101", "5104"),
        ("[/", "[/sundial/"),
        ("min: 2", "min: 1"),
    ):
        manifest = manifest.replace(old, new)
    (stack.root / "sundial" / "module.yaml").write_text(manifest)
    assert set(await clients(asyncio.to_thread(stack.nexus, "up"))) == {200}
    assert stack.pids()["clock"] == clocks
    async with aiohttp.ClientSession() as http, http.get(stack.address("gate") + "/sundial") as answer:
        assert answer.status == 404  # the sundial's own answer: it serves / only
        assert answer.content_type != "application/problem+json"
