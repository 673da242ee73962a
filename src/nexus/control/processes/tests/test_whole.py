"""Whatever happens on the way, the instances of one release are left, and as many as there should be."""

from __future__ import annotations

import asyncio

import pytest

from nexus.control.processes.tests.small_stack import SmallStack, load, small_stack, until
from nexus.runtimes.protocol import StartError
from nexus.traffic import Unreachable

FLAPPING = "env: {MOOD: soon unready}\nrollout: {start: 3s, settle: 2s, drain: 1s}\n"
SETTLING = "rollout: {start: 20s, settle: 1s, drain: 1s}\n"


async def test_a_release_that_becomes_unready_before_it_has_settled_leaves_nothing() -> None:
    async with small_stack() as stack:
        bad = stack.release("2", FLAPPING)
        async with load(stack) as asked:
            with pytest.raises(StartError, match="shop-2"):
                await stack.deploy("replace", release=bad)
            await until(lambda: stack.running() == {"1": 1})
        assert asked.failures == []
        assert set(asked.answers) == {"1"}


async def test_a_promotion_that_fails_once_it_is_recorded_leaves_the_new_release_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with small_stack() as stack:
        new = stack.release("2")
        await stack.deploy("admit", "shift", release=new)

        async def refuses() -> None:
            raise StartError("the gateway does not take it")

        with monkeypatch.context() as broken:
            assert stack.keeper.routing is not None
            broken.setattr(stack.keeper.routing, "share", refuses)
            with pytest.raises(StartError, match="does not take"):
                await stack.deploy("promote", release=new)
        await until(lambda: stack.running() == {"2": 1})
        await stack.deploy("promote", release=new)  # taken up again
        assert set(await stack.shares(20)) == {"2"}


async def test_an_instance_gets_no_requests_before_it_has_settled() -> None:
    async with small_stack(SETTLING) as stack:
        replacing = asyncio.create_task(stack.deploy("replace", release=stack.release("2", SETTLING)))
        await until(lambda: _ready(stack, "shop-2"))
        assert set(await stack.shares(40)) == {"1"}
        assert not replacing.done()
        await replacing
        assert set(await stack.shares(20)) == {"2"}


def _ready(stack: SmallStack, name: str) -> bool:
    return any(i.id == name and i.state == "ready" for i in stack.keeper.instances()["shop"])


async def test_instances_above_the_number_that_should_run_end_with_the_next_change() -> None:
    async with small_stack() as stack:
        for name, wanted in (("1", True), ("2", False)):
            assert stack.keeper.supervisor is not None
            more = stack.keeper.supervisor.add(stack.release("1"))
            await more.until_ready(20)
            more.wanted = wanted  # whoever was to end it was cut short
            await stack.deploy("replace", release=stack.release(name))
            assert stack.running() == {name: 1}
            assert all(instance.stays for instance in stack.keeper.supervisor.of("shop"))


async def test_a_proxy_that_does_not_answer_once_is_asked_again_before_requests_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with small_stack() as stack:
        slow = asyncio.create_task(stack.ask("/?s=1.5"))
        await asyncio.sleep(0.1)
        assert stack.keeper.routing is not None
        real, hiccups = stack.keeper.routing._in_flight, [1]

        async def once_not(instance: object) -> int:
            if hiccups:
                hiccups.pop()
                raise Unreachable("no answer")
            return await real(instance)  # type: ignore[arg-type]

        monkeypatch.setattr(stack.keeper.routing, "_in_flight", once_not)
        await stack.deploy("replace", release=stack.release("2"))
        assert hiccups == []
        assert await slow == (200, "1")
