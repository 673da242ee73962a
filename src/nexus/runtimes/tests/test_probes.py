"""When a port without a language of its own counts as ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nexus.runtimes.home import Home
from nexus.runtimes.probes import Prober
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import load_stack

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
STACK = """\
name: small
infrastructure:
  store: {kind: database, runtime: image, image: "store:1", port: 9000, health: {live: "", ready: ""}}
"""


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As an engine does that holds the port of a program which does not listen yet."""


async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello\n")
    await reader.read()


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    closed: asyncio.Queue[None] = asyncio.Queue()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()
        await writer.wait_closed()
        closed.put_nowait(None)

    server = await asyncio.start_server(one, LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.wait_for(closed.get(), 10)


@pytest.mark.parametrize(("serve", "ready"), [(hang_up, False), (keep, True), (greet, True)])
async def test_a_port_is_ready_when_it_keeps_its_connections(
    tmp_path: Path, serve: Serve, ready: bool
) -> None:
    (tmp_path / "nexus.yaml").write_text(STACK)
    stack = load_stack(tmp_path)
    async with listening(serve) as port:
        site = Site(stack, Home.at(tmp_path / "home"), {"store": port}, contained=True)
        assert (await Prober(site).health(stack.service("store"), port)).ready is ready


async def test_the_port_of_a_plain_process_is_ready_when_it_is_open(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text(STACK)
    stack = load_stack(tmp_path)
    async with listening(hang_up) as port:
        site = Site(stack, Home.at(tmp_path / "home"), {"store": port})
        assert (await Prober(site).health(stack.service("store"), port)).ready
