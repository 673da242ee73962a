"""Streams of events end as they should, whoever ends them."""

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any

from nexus_kit.streams import EventStream

closed: list[str] = []


async def ticks(count: int = -1) -> AsyncGenerator[str, None]:
    try:
        yield "data: 1\n\n"
        while count < 0:
            await asyncio.sleep(3600)
        yield "data: 2\n\n"
    finally:
        closed.append("closed")


async def served(events: AsyncGenerator[str, None], leaving: asyncio.Event) -> list[dict[str, Any]]:
    """What a server is told of the answer."""
    told: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        told.append(message)
        if message.get("body") == b"data: 1\n\n":
            asyncio.get_running_loop().call_later(0.01, leaving.set)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    module: Any = SimpleNamespace(leaving=leaving)
    async with asyncio.timeout(60):
        await EventStream(module, events)({"type": "http"}, receive, send)
    return told


async def test_a_stream_that_would_last_for_ever_ends_whole_when_the_module_leaves() -> None:
    closed.clear()
    told = await served(ticks(), asyncio.Event())
    assert [message.get("body") for message in told[1:]] == [b"data: 1\n\n", b""]
    assert told[-1]["more_body"] is False
    assert closed == ["closed"]


async def test_a_stream_with_an_end_of_its_own_is_told_to_its_end() -> None:
    told = await served(ticks(2), asyncio.Event())
    assert [message.get("body") for message in told[1:]] == [b"data: 1\n\n", b"data: 2\n\n", b""]
