"""A gateway that finds its instances by name, and the name server that it asks."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import aiohttp

from nexus.render import HaproxyFacts, haproxy_config
from nexus.render.checked import checked_script
from nexus.render.haproxy import Discovery
from nexus.render.known import known_script
from nexus.render.tests.proxies import Proxy, Upstream, free_port, haproxy, open_folder, upstream
from nexus.stack import load_stack
from nexus.traffic import HaproxyRuntime, ServerState
from nexus.traffic.errors import Unreachable
from nexus.traffic.socket import RuntimeSocket

HERE = "127.0.0.1"
MANIFESTS = {
    "gate": "name: gate\nkind: gateway\nruntime: haproxy\nport: 9000\n"
    "env: {RATE_LIMIT_PUBLIC_REQUESTS: 1000000, RATE_LIMIT_REQUESTS: 1000000}\n",
    "till": "name: till\nruntime: python\nport: 9001\nroutes: [/api/till]\npublic: [/api/till]\n"
    "health: {ready: /health/ready}\n",
}


class Names(asyncio.DatagramProtocol):
    """A name server: every name has these addresses, as long as it is not silent."""

    silent = False

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.silent:
            return
        end = data.index(b"\0", 12) + 5  # RFC 1035, 4.1: the header, then the question
        count = len(self.addresses)
        status = b"\x84\x00" if count else b"\x84\x03"  # 4.1.1: no error, or the name does not exist
        header = data[:2] + status + b"\x00\x01" + count.to_bytes(2, "big") + b"\x00\x00\x00\x00"
        answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04"
        answers = b"".join(answer + socket.inet_aton(each) for each in self.addresses)
        self._out.sendto(header + data[12:end] + answers, addr)


@dataclass
class House:
    """A gateway before what it finds of one service, and the name server by which it finds it. `till` is the
    instance on 127.0.0.1.
    """

    gateway: Proxy
    names: Names
    till: Upstream
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

    async def servers(self) -> list[ServerState]:
        return await HaproxyRuntime(self.socket).servers("till")

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


@asynccontextmanager
async def house_that_finds(root: Path, *addresses: str) -> AsyncIterator[House]:
    """`addresses`: what the name server tells at first. `root`: an empty folder for the manifests."""
    (root / "nexus.yaml").write_text("name: shop\n")
    for name, text in MANIFESTS.items():
        (root / "modules" / name).mkdir(parents=True)
        (root / "modules" / name / "module.yaml").write_text(text)
    stack, names = load_stack(root), Names(*addresses)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: names, local_addr=(HERE, 0)
    )
    try:
        port = transport.get_extra_info("sockname")[1]
        with open_folder() as folder:
            async with upstream("till-1") as till, aiohttp.ClientSession() as http:
                ports = {name: free_port() for name in MANIFESTS}
                facts = HaproxyFacts(
                    HERE,
                    ports,
                    folder / "h.sock",
                    discovery={"till": Discovery("till", till.port, 2)},
                    resolver=HERE,
                    known=folder / "known",
                    known_script=folder / "known.lua",
                    checked_script=folder / "checked.lua",
                )
                (folder / "known.lua").write_text(known_script(folder / "known", facts.stats_socket))
                (folder / "checked.lua").write_text(checked_script(facts.discovery))
                config = haproxy_config(stack, facts).replace(f"{HERE}:53\n", f"{HERE}:{port}\n")
                async with haproxy(folder, config, ports["gate"]) as gateway:
                    url = f"http://{HERE}:{ports['gate']}/api/till"
                    yield House(gateway, names, till, url, folder / "known", facts.stats_socket, http)
    finally:
        transport.close()
