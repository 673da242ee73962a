"""Passes questions on telemetry to the collector, and its answers back as they come."""

from __future__ import annotations

import asyncio
import logging
import time

import aiohttp
from aiohttp import web

from nexus.runtimes.home import Home

log = logging.getLogger("nexus.control")

PATIENCE, PAUSE = 8.0, 0.2  # seconds
PASSED_BACK = ("Content-Type",)
AWAY = "telemetry does not answer yet; its collector starts together with the stack"


class Relay:
    """One route's handler: whatever comes below `prefix` goes to the collector's socket."""

    def __init__(self, home: Home, prefix: str) -> None:
        self._home = home
        self._prefix = prefix

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Asks the collector; 503 when it does not answer."""
        where = request.path_qs.removeprefix(self._prefix)
        connector = aiohttp.UnixConnector(path=str(self._home.telemetry_socket))
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5.0)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            try:
                return await _pass_back(request, await _ask(session, request, where))
            except aiohttp.ClientError as error:
                log.debug("the collector did not answer %s: %s", where, error)
                return web.json_response({"error": AWAY, "exit_code": 1}, status=503)


async def _ask(session: aiohttp.ClientSession, request: web.Request, where: str) -> aiohttp.ClientResponse:
    """Asks; a collector that is just starting again is waited for."""
    body = await request.read()
    kind = request.headers.get("Content-Type", "application/json")
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            return await session.request(
                request.method, f"http://telemetry{where}", data=body, headers={"Content-Type": kind}
            )
        except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError):
            if time.monotonic() > give_up:
                raise
        await asyncio.sleep(PAUSE)


async def _pass_back(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    try:
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
    except (aiohttp.ClientError, ConnectionError) as error:  # half an answer is told by its missing end
        log.debug("the answer to %s broke off: %s", request.path, error)
    return response
