"""Another program or other settings for the proxies and the cache, under load."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nexus.control.processes.gap import Gap
from nexus.control.processes.tests.small_stack import SmallStack, load, small_stack
from nexus.runtimes.process.drivers import haproxy
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

EDGE = "edge: {kind: edge, runtime: nginx, port: 9002, upstreams: {/: shop}, health: {ready: /edge/health}}"
CACHE = "store: {kind: cache, runtime: valkey, port: 9003}"


def other(stack: SmallStack, name: str) -> Service:
    """The same service as another release has it: the same settings under another name."""
    assert stack.keeper.site is not None
    present = stack.keeper.site.stack.service(name)
    return replace(present, declared=present.declared + " ")


async def upgraded(stack: SmallStack, name: str) -> tuple[int, int]:
    """Upgrades a service; the pids before and after."""
    (before,) = stack.keeper.instances()[name]
    new = other(stack, name)
    stack.others[name, new.release] = new
    await stack.act("upgrade", name, release=new.release)
    (after,) = stack.keeper.instances()[name]
    assert after.release == new.release
    assert after.state == "ready"
    return before.pid, after.pid


async def test_the_gateway_is_exchanged_and_no_request_fails() -> None:
    async with small_stack() as stack, load(stack) as asked:
        before, after = await upgraded(stack, "gate")
    assert before != after
    assert asked.failures == []
    assert stack.gaps == [0]


async def test_the_edge_is_exchanged_and_no_request_fails() -> None:
    async with small_stack(more=(EDGE,)) as stack, load(stack, at="edge") as asked:
        before, after = await upgraded(stack, "edge")
    assert before != after
    assert asked.failures == []
    assert stack.gaps == [0]


async def test_the_cache_is_started_again_with_all_it_knew_and_the_gap_is_told() -> None:
    async with small_stack(more=(CACHE,)) as stack:
        client = stack.cache()
        await client.set("order", "42")
        before, after = await upgraded(stack, "store")
        assert await client.get("order") == b"42"
        await client.aclose()
    assert before != after
    assert 0 < stack.gaps[0] < 5


async def test_settings_that_a_proxy_refuses_are_told_before_it_is_exchanged() -> None:
    async with small_stack() as stack:
        keeper = stack.keeper
        assert keeper.site is not None
        with pytest.raises(StartError, match=r"gate: haproxy refuses its settings: .*nonsense"):
            await haproxy.check(
                keeper.processes, keeper.site, keeper.site.stack.service("gate"), "nonsense\n"
            )


def test_a_gap_lasts_from_one_answer_to_the_next_if_a_question_between_them_was_not_answered() -> None:
    gap = Gap()
    gap.note(answered=True)
    gap.note(answered=True)
    assert gap.seconds == 0
    gap.note(answered=False)
    missed = gap.seconds
    gap.note(answered=True)
    assert gap.seconds > missed > 0
