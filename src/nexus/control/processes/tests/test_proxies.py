"""The proxies follow what is released, and take over from each other without loss."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from nexus.control.processes.proxies import RESERVE, finish_limit
from nexus.control.processes.succession import Succession
from nexus.control.processes.tests.small_stack import SmallStack, small_stack, until
from nexus.control.processes.tests.test_upgrade import EDGE
from nexus.runtimes.process.drivers import nginx
from nexus.runtimes.process.identity import alive, birth
from nexus.runtimes.protocol import StartError

LONG = "rollout: {start: 20s, settle: 100ms, drain: 8s}\n"


async def status(stack: SmallStack, path: str) -> int:
    """What the gateway answers a client that has no connection yet."""
    async with stack.http.get(
        f"http://127.0.0.1:{stack.ports['gate']}{path}", headers={"Connection": "close"}
    ) as answer:
        return answer.status


@pytest.mark.parametrize("actions", [("replace",), ("admit", "promote")])
async def test_the_gateway_takes_the_routes_of_what_is_released_and_gives_them_back(
    actions: tuple[str, ...],
) -> None:
    async with small_stack() as stack:
        former, new = stack.release("1"), stack.release("2", route="/other")
        assert await status(stack, "/x") == 200
        await stack.deploy(*actions, release=new)
        assert (await status(stack, "/x"), await status(stack, "/other/x")) == (404, 200)
        await stack.deploy("replace", release=former)
        assert await status(stack, "/x") == 200


async def test_a_request_that_the_former_proxy_holds_is_answered_before_its_instance_ends() -> None:
    async with small_stack(LONG) as stack:
        slow = asyncio.create_task(stack.ask("/x?s=2.5", at="gate"))
        await asyncio.sleep(0.1)
        gate = stack.keeper.supervisor
        assert gate is not None
        await gate.reload(stack.keeper.site.stack.service("gate"))  # type: ignore[union-attr]
        await stack.deploy("replace", release=stack.release("2", LONG))
        assert await slow == (200, "1")
        assert stack.running() == {"2": 1}


async def test_a_proxy_has_as_long_to_finish_as_the_longest_drain() -> None:
    async with small_stack() as stack:
        assert stack.keeper.site is not None
        kept, shop = stack.keeper.site.stack, stack.keeper.site.stack.service("shop")
        patient = replace(shop, rollout=shop.rollout.model_copy(update={"drain": 200.0}))
        assert finish_limit(kept) == 30 + RESERVE  # the gateway's own patience
        assert finish_limit(replace(kept, services=(*kept.services[:-1], patient))) == 200 + RESERVE


async def test_a_former_proxy_ends_when_the_loop_was_killed_before_it_told_it_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with small_stack(more=(EDGE,)) as stack:
        (before,) = stack.keeper.instances()["edge"]
        born = birth(before.pid)
        assert born is not None
        with monkeypatch.context() as killed:
            killed.setattr(Succession, "see_off", lambda *_: None)
            await stack.act("restart", "edge")
            await stack.close()
        assert alive(before.pid, born)
        await stack.open()
        await until(lambda: not alive(before.pid, born))
        (after,) = stack.keeper.instances()["edge"]
        assert after.pid != before.pid
        assert (await stack.ask(at="edge"))[0] == 200


async def test_what_cannot_take_over_leaves_the_former_proxy_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    async with small_stack(more=(EDGE,)) as stack:
        (before,) = stack.keeper.instances()["edge"]
        monkeypatch.setattr(nginx, "binary", lambda: "/bin/false")
        supervisor = stack.keeper.supervisor
        assert supervisor is not None
        (edge,) = supervisor.of("edge")
        assert edge.running is not None
        launch = nginx.succeed(
            stack.keeper.processes,
            supervisor.site,
            edge.service,
            edge.slot,
            stack.keeper.config(edge.service, edge.slot.port),
            edge.running,
        )
        assert launch is not None
        with pytest.raises(StartError, match="what was to take over ended"):
            await supervisor.succession.succeed(edge, launch)
        assert [i.pid for i in stack.keeper.instances()["edge"]] == [before.pid]
        assert (await stack.ask(at="edge"))[0] == 200
        await stack.close()
        await stack.open()  # which finds it again
        assert [i.pid for i in stack.keeper.instances()["edge"]] == [before.pid]
