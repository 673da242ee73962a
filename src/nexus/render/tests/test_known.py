"""A gateway that finds its instances by name goes on with them when it reloads."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import aiohttp
import pytest_asyncio

from nexus.render import HaproxyFacts, haproxy_config
from nexus.render.haproxy import Discovery
from nexus.render.known import known_script
from nexus.render.tests.proxies import Proxy, free_port, haproxy, open_folder, upstream
from nexus.stack import load_stack
from nexus.traffic.errors import Unreachable
from nexus.traffic.socket import RuntimeSocket

MANIFESTS = {
    "gate": "name: gate\nkind: gateway\nruntime: haproxy\nport: 9000\n",
    "till": "name: till\nruntime: python\nport: 9001\nroutes: [/api/till]\npublic: [/api/till]\n",
}


class Names(asyncio.DatagramProtocol):
    """A name server: every name is this machine, as long as it is not silent."""

    silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.silent:
            return
        end = data.index(b"\0", 12) + 5  # RFC 1035, 4.1: the header, then the question
        header = data[:2] + b"\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00"
        answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04" + socket.inet_aton("127.0.0.1")
        self._out.sendto(header + data[12:end] + answer, addr)


@dataclass
class House:
    """A gateway before one instance, and the name server by which it finds it."""

    gateway: Proxy
    names: Names
    url: str
    file: Path
    socket: Path
    http: aiohttp.ClientSession

    async def status(self) -> int:
        async with self.http.get(self.url) as answer:
            return answer.status

    async def until_known(self) -> None:
        async with asyncio.timeout(10):
            while await self.status() != 200 or " 127.0.0.1 " not in self.file.read_text():
                await asyncio.sleep(0.05)

    async def reload(self) -> None:
        """Returns when another process is in charge."""
        before, told = await self._process(), 0.0
        async with asyncio.timeout(10):
            while await self._process() in ("", before):
                if time.monotonic() > told + 1:  # a master that has just begun anew misses the signal
                    self.gateway.reload()
                    told = time.monotonic()
                await asyncio.sleep(0.02)

    async def _process(self) -> str:
        try:
            told = await RuntimeSocket(self.socket, 1.0).ask("show info")
        except Unreachable:
            return ""
        return next(line for line in told.splitlines() if line.startswith("Pid:"))


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "nexus.yaml").write_text("name: shop\n")
    for name, text in MANIFESTS.items():
        (tmp_path / "modules" / name).mkdir(parents=True)
        (tmp_path / "modules" / name / "module.yaml").write_text(text)
    stack, names = load_stack(tmp_path), Names()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: names, local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    with open_folder() as folder:
        async with upstream("till-1") as till, aiohttp.ClientSession() as http:
            ports = {name: free_port() for name in MANIFESTS}
            facts = HaproxyFacts(
                "127.0.0.1",
                ports,
                folder / "h.sock",
                discovery={"till": Discovery("till", till.port, 2)},
                resolver="127.0.0.1",
                known=folder / "known",
                known_script=folder / "known.lua",
            )
            (folder / "known.lua").write_text(known_script(folder / "known", facts.stats_socket))
            config = haproxy_config(stack, facts).replace("127.0.0.1:53\n", f"127.0.0.1:{port}\n")
            async with haproxy(folder, config, ports["gate"]) as gateway:
                url = f"http://127.0.0.1:{ports['gate']}/api/till"
                yield House(gateway, names, url, folder / "known", facts.stats_socket, http)
    transport.close()


async def test_a_gateway_that_reloads_serves_before_the_name_server_has_answered(house: House) -> None:
    await house.until_known()
    house.names.silent = True
    for _ in range(4):
        await house.reload()
        assert {await house.status() for _ in range(20)} == {200}
