"""The guard at work on real processes behind a real gateway, where nothing is collected."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nexus.control.candidates import Candidates
from nexus.control.deploying.judging import Judge, Regression
from nexus.control.processes.keeper import ProcessKeeper
from nexus.control.processes.tests.small_stack import SmallStack, load, small_stack
from nexus.releases.guard import BEFORE, BESIDE, Guard
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAILS = 'return web.json_response({"version": VERSION}, status=500)\n    return'


@dataclass
class Looked:
    """What a judge sees of a world."""

    stack: SmallStack
    listeners: set[Callable[[dict[str, Any]], None]] = field(default_factory=set)

    @property
    def keeper(self) -> ProcessKeeper:
        return self.stack.keeper

    @property
    def home(self) -> Home:
        return self.stack.home

    @property
    def candidates(self) -> Candidates:
        return self.keeper.candidates

    @property
    def site(self) -> Site:
        assert self.keeper.site is not None
        return replace(self.keeper.site, stack=replace(self.keeper.site.stack, collects=False))

    def tell(self, event: dict[str, Any]) -> None:
        for listener in tuple(self.listeners):
            listener(event)


class Judged:
    """A judge at work; a few requests are enough for it."""

    def __init__(self, stack: SmallStack) -> None:
        self.world = Looked(stack)
        guard = Guard(replace(BESIDE, least=10), replace(BEFORE, least=10))
        self.judge = Judge(self.world, guard)  # type: ignore[arg-type]
        self.told: list[dict[str, Any]] = []
        self.looked = asyncio.Event()

    def emit(self, event: dict[str, Any]) -> None:
        self.told.append(event)
        self.looked.set()

    async def step(self, hold: float, pausing: asyncio.Event | None = None) -> str:
        return (await self.judge.step("shop", 50, hold, 20, self.emit, pausing)).sentence()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[SmallStack]:
    async with small_stack() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def judged(stack: SmallStack) -> AsyncIterator[Judged]:
    """With a candidate beside the stable release, each of which gets half of all requests."""
    await stack.deploy("admit", "shift", release=stack.release("2"), weight=50)
    async with load(stack):
        yield Judged(stack)
    await stack.act("abandon")


async def test_a_good_release_is_promoted_and_what_was_not_looked_at_is_said(judged: Judged) -> None:
    said = await judged.step(0.5)
    assert said.startswith("shop is as good as before: 0 of ")
    assert "not looked at: time, 4xx and KPIs (nothing is collected)" in said
    assert {event["event"] for event in judged.told} == {"rollout"}
    assert judged.told[-1]["candidate"]["requests"] >= 10 <= judged.told[-1]["stable"]["requests"]


async def test_an_instance_that_ends_is_seen_within_a_second_and_told_with_its_cause(judged: Judged) -> None:
    judging = asyncio.create_task(judged.step(15))
    await judged.looked.wait()
    new = next(i for i in judged.world.keeper.instances()["shop"] if i.side == "candidate")
    os.kill(new.pid, signal.SIGKILL)
    killed = time.monotonic()
    event = {"event": "instance", "service": "shop", "instance": new.id, "state": "down", "why": "was ended"}
    while judged.world.listeners and time.monotonic() < killed + 5 and not judging.done():
        judged.world.tell(event)
        await asyncio.sleep(0.05)
    with pytest.raises(Regression, match=f"shop is worse than before: {new.id} was ended"):
        await judging


async def test_while_it_is_to_pause_nothing_is_promoted_and_no_time_passes(judged: Judged) -> None:
    pausing = asyncio.Event()
    pausing.set()
    judging = asyncio.create_task(judged.step(0.1, pausing))
    while len(judged.told) < 2:
        await asyncio.sleep(0.02)
    assert not judging.done()
    assert {(event["paused"], event["left"]) for event in judged.told} == {(True, 0.1)}
    pausing.clear()
    assert (await judging).startswith("shop is as good")


async def test_failures_are_seen_in_what_the_gateway_counts(stack: SmallStack) -> None:
    bad = stack.release("3")
    _change(bad.folder / "shop.py", "return web.json_response", FAILS + " web.json_response")
    await stack.deploy("admit", "shift", release=bad, weight=50)
    async with load(stack):
        with pytest.raises(Regression, match="requests failed") as raised:
            await Judged(stack).step(15)
    assert raised.value.verdict.evidence.candidate.errors >= 3
    await stack.act("abandon")


async def test_after_it_got_all_requests_it_is_watched(stack: SmallStack) -> None:
    judged = Judged(stack)
    verdict = await judged.judge.bake(("shop",), 1.5, judged.judge.baseline(), judged.emit)
    assert verdict.decision == "promote"
    assert [event["phase"] for event in judged.told][:1] == ["bake"]


async def test_a_candidate_that_got_all_requests_is_what_is_watched(judged: Judged) -> None:
    await judged.world.stack.act("shift", weight="100")
    verdict = await judged.judge.bake(("shop",), 0.5, judged.judge.baseline(), judged.emit)
    assert verdict.decision == "promote"
    assert verdict.evidence.candidate.requests >= 10
    assert [each.id for each in verdict.evidence.stable.instances] == ["shop-1"]


async def test_the_watch_stands_still_with_the_deploy(judged: Judged) -> None:
    pausing = asyncio.Event()
    pausing.set()
    watch = judged.judge.bake(("shop",), 0.1, judged.judge.baseline(), judged.emit, pausing)
    watching = asyncio.create_task(watch)
    while len(judged.told) < 2:
        await asyncio.sleep(0.02)
    assert not watching.done()
    pausing.clear()
    assert (await watching).decision == "promote"


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
