"""Instances leave and nobody notices: gateways send them nothing more before they end."""

from __future__ import annotations

import asyncio

from aiohttp import web

from nexus.control.containers.tests.sharing import SECOND, House
from nexus.runtimes.containers.container import Container
from nexus.traffic.haproxy import HaproxyRuntime


async def test_who_leaves_gets_no_new_request_and_ends_those_that_it_has(house: House) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        begun.set()
        await end.wait()
        return web.Response()

    house.second.handler = slow
    leaver = Container("till", "till-3", "abcdefabcdef", "ready", "r1", 0.0, addresses=frozenset({SECOND}))
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(house.sides(1)) for _ in range(4)]
        await begun.wait()
        leaving = house.split.leaving(house.site, [leaver], limit=20)
        entering = tasks.create_task(leaving.__aenter__())
        while (await HaproxyRuntime(house.socket).servers("till"))[1].state != "drain":
            await asyncio.sleep(0.05)
        had = len(house.second.seen)
        assert set(await house.sides()) == {"old"}
        assert len(house.second.seen) == had
        assert not entering.done(), "it still has requests"
        end.set()
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
    async with house.split.leaving(house.site, [leaver], limit=2):
        assert set(await house.sides()) == {"old"}
