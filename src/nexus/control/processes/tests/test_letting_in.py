"""Letting a release in beside the stable one, on real processes behind a real gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
import pytest_asyncio

from nexus.control.processes.tests.small_stack import ROLLOUT, SmallStack, load, small_stack
from nexus.runtimes.protocol import StartError
from nexus.stack.manifest import Database


@pytest_asyncio.fixture
async def stack() -> AsyncIterator[SmallStack]:
    async with small_stack() as running:
        yield running


async def test_a_release_is_let_in_step_by_step_and_no_request_fails(stack: SmallStack) -> None:
    new = stack.release("2")
    async with load(stack) as asked:
        await stack.deploy("admit", release=new)
        assert set(await stack.shares(30)) == {"1"}
        assert (await stack.ask(**{"X-Nexus-Side": "candidate"}))[1] == "2"
        await stack.deploy("shift", release=new, weight=50)
        assert set(await stack.shares(60)) == {"1", "2"}
        await stack.deploy("shift", "promote", release=new)
        assert set(await stack.shares(30)) == {"2"}
    assert asked.failures == []
    assert stack.running() == {"2": 1}
    assert stack.stable == "2"
    assert stack.keeper.candidates.all() == {}


async def test_what_was_let_in_is_abandoned_and_leaves_nothing(stack: SmallStack) -> None:
    new = stack.release("2")
    async with load(stack) as asked:
        await stack.deploy("admit", "shift", release=new, weight=50)
        await stack.deploy("abandon", release=new)
    assert asked.failures == []
    assert stack.running() == {"1": 1}
    assert set(await stack.shares(30)) == {"1"}
    await stack.deploy("abandon", release=new)  # there is nothing to abandon


@pytest.mark.parametrize(
    ("mood", "start", "why"), [("ends", "20s", "no such table"), ("never ready", "4s", "503")]
)
async def test_a_release_that_cannot_serve_is_told_with_its_cause(
    stack: SmallStack, mood: str, start: str, why: str
) -> None:
    bad = stack.release("3", f"env: {{MOOD: {mood}}}\nrollout: {{start: {start}, settle: 0s, drain: 1s}}\n")
    with pytest.raises(StartError, match=why):
        await stack.deploy("admit", release=bad)
    await stack.deploy("abandon", release=bad)
    assert stack.running() == {"1": 1}


async def test_a_release_that_cannot_serve_does_not_replace_another(stack: SmallStack) -> None:
    bad = stack.release("3", "env: {MOOD: ends}\n" + ROLLOUT)
    async with load(stack) as asked:
        with pytest.raises(StartError, match="no such table"):
            await stack.deploy("replace", release=bad)
    assert asked.failures == []
    assert stack.running() == {"1": 1}
    assert stack.stable == "1"


async def test_a_request_in_flight_is_answered_by_the_release_that_has_it(stack: SmallStack) -> None:
    slow = asyncio.create_task(stack.ask("/?s=1.5"))
    await asyncio.sleep(0.1)
    await stack.deploy("replace", release=stack.release("2"))
    assert await slow == (200, "1")
    assert stack.running() == {"2": 1}


async def test_streams_and_sockets_are_ended_by_the_module_when_their_time_is_over(
    stack: SmallStack,
) -> None:
    async with (
        stack.http.get(stack.url + "/stream") as stream,
        stack.http.ws_connect(stack.url + "/ws") as ws,
    ):
        await ws.send_str("hello")
        assert (await ws.receive()).data == "1 hello"
        replacing = asyncio.create_task(stack.deploy("replace", release=stack.release("2")))
        told = await stream.content.read()  # to its end, which is no broken connection
        closed = await ws.receive()
        await replacing
    assert told.endswith(b"data: 1\n\n")
    assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.SERVICE_RESTART)


async def test_a_restart_starts_first_and_no_request_fails(stack: SmallStack) -> None:
    before = stack.keeper.instances()["shop"][0].pid
    async with load(stack) as asked:
        await stack.act("restart")
    assert asked.failures == []
    assert [i.pid != before for i in stack.keeper.instances()["shop"]] == [True]


async def test_what_cannot_run_twice_is_stopped_first_and_the_gap_is_told(stack: SmallStack) -> None:
    new = stack.release("2", "rollout: {strategy: recreate, start: 20s, settle: 0s, drain: 1s}\n")
    with pytest.raises(StartError, match="cannot run twice"):
        await stack.deploy("admit", release=new)
    await stack.deploy("replace", release=new)
    assert stack.running() == {"2": 1}
    assert len(stack.gaps) == 1
    assert 0 < stack.gaps[0] < 5


async def test_the_former_release_is_not_started_again_across_a_contract_migration(stack: SmallStack) -> None:
    rollout = "rollout: {strategy: recreate, start: 20s, settle: 0s, drain: 1s}\n"
    bad = stack.release("3", "env: {MOOD: ends}\n" + rollout)
    with pytest.raises(StartError, match="no such table"):
        await stack.deploy("recreate", release=bad)
    assert stack.running() == {"1": 1}
    script = bad.folder / "migrations" / "1_drop" / "migration.sql"
    script.parent.mkdir(parents=True)
    script.write_text("DROP TABLE things;\n")
    stack.others["shop", bad.release] = replace(bad, database=Database(schema="shop"))
    await stack.act("stop", drain="1")
    with pytest.raises(
        StartError, match=r"not started again, for migration 1_drop is applied, a contract \(line 1"
    ):
        await stack.deploy("recreate", release=bad)
    assert "shop" not in stack.keeper.instances()
    assert "shop" not in stack.keeper.wanted.names
    assert stack.stable == "1"


async def test_a_hook_runs_once_as_a_task_of_the_new_release(stack: SmallStack) -> None:
    say = "import os; print(os.environ['NEXUS_RELEASE'], os.environ['NEXUS_SERVICE'])"
    new = stack.release("2", f'rollout: {{hooks: {{before: [python, -c, "{say}"]}}}}\n')
    await stack.act("hook", release=new.release, hook="before")
    assert (stack.home.logs / "shop.before.out").read_text() == f"{new.release} shop\n"
    await stack.act("hook", release=new.release, hook="after")  # it has none


async def test_a_hook_that_fails_is_told_with_its_last_words(stack: SmallStack) -> None:
    bad = stack.release("2", "rollout: {hooks: {after: [python, -c, \"exit('no room')\"]}}\n")
    with pytest.raises(StartError, match=r"hook after of shop .* exit code 1: no room"):
        await stack.act("hook", release=bad.release, hook="after")
