"""The gap is measured from answer to answer, and a proxy that answers for want of a service is no answer."""

from __future__ import annotations

import asyncio

from nexus.control.containers.gap import measured

ASK = b"GET / HTTP/1.0\r\n\r\n"
WELL = b"HTTP/1.1 200 OK\r\n\r\n"
AWAY = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"


class Service:
    """Answers what it is told to."""

    def __init__(self) -> None:
        self.answer = WELL

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()


async def _gap(away: float) -> float:
    service = Service()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    async with server:

        async def work() -> None:
            await asyncio.sleep(0.1)
            service.answer = AWAY
            await asyncio.sleep(away)
            service.answer = WELL

        return await measured(server.sockets[0].getsockname()[1], ASK, work())


async def test_a_service_that_is_away_is_away_for_at_least_so_long() -> None:
    assert await _gap(0.5) >= 0.45
