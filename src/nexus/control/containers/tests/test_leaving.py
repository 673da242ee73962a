"""Instances leave and nobody notices: gateways send them nothing more before they end."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

from nexus.control.containers.tests.sharing import SECOND, House
from nexus.render.tests.proxies import eventually
from nexus.runtimes.containers.container import Container
from nexus.stack.names import TELEMETRY
from nexus.traffic.haproxy import HaproxyRuntime

LEAVER = Container("till", "till-3", "abcdefabcdef", "ready", "r1", 0.0, addresses=frozenset({SECOND}))


@dataclass
class Lasting:
    """Requests that end when they are told to, some of them with the instance that leaves."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    end: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: web.Request) -> web.Response:
        self.begun.set()
        await self.end.wait()
        return web.Response()

    async def asked(self, house: House, tasks: asyncio.TaskGroup) -> list[asyncio.Task[Counter[str]]]:
        """Returns when the instance that leaves has one of them."""
        house.second.handler = self
        asked = [tasks.create_task(house.sides(1)) for _ in range(4)]
        await self.begun.wait()
        return asked


async def reloaded(house: House) -> None:
    """Returns when another worker has taken the place of the gateway's."""
    before = house.gateway.log.read_text().count("Loading success")
    house.gateway.reload()
    await eventually(lambda: house.gateway.log.read_text().count("Loading success") > before, 30)


async def drained(house: House) -> None:
    while (await HaproxyRuntime(house.socket).servers("till"))[1].state != "drain":
        await asyncio.sleep(0.05)


async def test_who_leaves_gets_no_new_request_and_ends_those_that_it_has(house: House) -> None:
    lasting = Lasting()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        asked = await lasting.asked(house, tasks)
        leaving = house.split.leaving(house.site, [LEAVER], drain=20)
        entering = tasks.create_task(leaving.__aenter__())
        await drained(house)
        had = len(house.second.seen)
        assert set(await house.sides()) == {"old"}
        assert len(house.second.seen) == had
        assert not entering.done(), "it still has requests"
        lasting.end.set()
        await entering
        assert all(each.done() for each in asked)
        await leaving.__aexit__(None, None, None)
        while len(house.second.seen) == had:  # a new one has its address
            await house.sides(4)


async def test_the_only_one_there_goes_on_until_another_can_answer(house: House) -> None:
    house.second.healthy = False
    leaver = Container(
        "till", "till-1", "abcdefabcdef", "ready", "r1", 0.0, addresses=frozenset({"127.0.0.1", SECOND})
    )
    async with house.split.leaving(house.site, [leaver], drain=2):
        assert set(await house.sides()) == {"old"}


async def test_a_gateway_that_is_reloaded_meanwhile_knows_who_leaves(house: House) -> None:
    async with asyncio.timeout(60), house.split.leaving(house.site, [LEAVER], drain=20):
        await reloaded(house)
        await drained(house)
        had = len(house.second.seen)
        assert set(await house.sides()) == {"old"}
        assert len(house.second.seen) == had


async def test_the_requests_of_a_former_worker_are_waited_for(house: House) -> None:
    lasting = Lasting()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        asked = await lasting.asked(house, tasks)
        await reloaded(house)
        leaving = house.split.leaving(house.site, [LEAVER], drain=30)
        entering = tasks.create_task(leaving.__aenter__())
        await drained(house)
        await house.sides()
        assert not entering.done(), "the former worker still has requests"
        lasting.end.set()
        await entering
        assert all(each.done() for each in asked)
        await leaving.__aexit__(None, None, None)


async def test_who_leaves_answers_again_when_nobody_else_can(house: House) -> None:
    async with asyncio.timeout(60), house.split.leaving(house.site, [LEAVER], drain=20):
        await drained(house)
        house.first.healthy = False
        async with asyncio.timeout(30):
            while (await HaproxyRuntime(house.socket).servers("till"))[0].state != "down":
                await asyncio.sleep(0.05)
            while (await HaproxyRuntime(house.socket).servers("till"))[1].state != "up":
                await asyncio.sleep(0.05)
        assert set(await house.sides()) == {"old"}


async def test_an_agent_that_is_away_holds_nobody_up(house: House) -> None:
    await house.agent.stop()
    house.keeper.seen = tuple(each for each in house.keeper.seen if each.service != TELEMETRY)
    async with asyncio.timeout(5), house.split.leaving(house.site, [LEAVER], drain=60):
        pass
