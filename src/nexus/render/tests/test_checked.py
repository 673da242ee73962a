"""An instance that a gateway finds by name gets requests when a health check has passed, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from nexus.render.tests.found import HERE, House, house_that_finds
from nexus.render.tests.proxies import upstream
from nexus.traffic import ServerState

THERE = "127.0.0.2"
PAUSE = 0.002  # seconds between two requests of a client


@asynccontextmanager
async def asked(house: House) -> AsyncIterator[None]:
    """Clients ask again and again, whatever they are answered."""
    ended = asyncio.Event()

    async def ask() -> None:
        while not ended.is_set():
            await house.status()
            await asyncio.sleep(PAUSE)

    async with asyncio.TaskGroup() as clients:
        for _ in range(4):
            clients.create_task(ask())
        try:
            yield
        finally:
            ended.set()


async def until(house: House, wanted: Callable[[list[ServerState]], bool]) -> None:
    async with asyncio.timeout(20):
        while not wanted(await house.servers()):
            await asyncio.sleep(0.02)


def refused(servers: list[ServerState]) -> bool:
    """Whether a check has found an instance not ready."""
    return any(each.state == "down" and "503" in each.check for each in servers)


def gone(servers: list[ServerState]) -> bool:
    return all(each.state == "maintenance" for each in servers)


async def test_an_instance_that_is_not_ready_gets_no_request_whenever_it_comes(tmp_path: Path) -> None:
    async with house_that_finds(tmp_path) as house, asked(house):
        for _ in range(2):  # under the name of a server that has never served, and of one that has
            house.till.healthy = False
            house.till.seen.clear()
            house.names.addresses = (HERE,)
            await until(house, refused)
            assert house.till.seen == []
            house.till.healthy = True
            async with asyncio.timeout(10):
                while not house.till.seen:
                    await asyncio.sleep(0.02)
            house.names.addresses = ()
            await until(house, gone)


async def test_an_instance_that_comes_beside_another_waits_for_its_check_too(tmp_path: Path) -> None:
    async with house_that_finds(tmp_path, HERE) as house:
        await house.until_known()
        async with upstream("till-2", port=house.till.port, host=THERE) as second, asked(house):
            second.healthy = False
            house.names.addresses = (HERE, THERE)
            await until(house, refused)
            assert second.seen == []
            second.healthy = True
            async with asyncio.timeout(10):
                while not second.seen:
                    await asyncio.sleep(0.02)
            assert await house.status() == 200


async def test_an_instance_that_takes_the_place_of_another_at_once_is_found_not_ready(tmp_path: Path) -> None:
    async with house_that_finds(tmp_path, HERE) as house:
        await house.until_known()
        async with upstream("till-2", port=house.till.port, host=THERE) as second:
            second.healthy = False
            house.names.addresses = (THERE,)
            await until(house, refused)
            assert await house.status() == 503
            second.healthy = True
            async with asyncio.timeout(10):
                while await house.status() != 200:
                    await asyncio.sleep(0.02)
            assert second.seen
