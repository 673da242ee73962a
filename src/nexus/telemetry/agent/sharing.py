"""Routes below /traffic: the host tells how requests are shared, gateways ask, the host sees who has it."""

from __future__ import annotations

import json

from aiohttp import web

from nexus.telemetry.agent.access import only_with
from nexus.telemetry.agent.shares import Shares, SharesError

LARGEST = 64 << 10  # bytes of what is told


def sharing(shares: Shares, token: str) -> list[web.RouteDef]:
    """The routes; none without a token, because then nobody could be believed."""
    if not token:
        return []

    async def tell(request: web.Request) -> web.Response:
        body = await request.content.read(LARGEST + 1)
        while len(body) <= LARGEST and (more := await request.content.read(LARGEST + 1 - len(body))):
            body += more
        if len(body) > LARGEST:
            return _refusal(413, f"a body may have {LARGEST} bytes at most")
        try:
            told = shares.tell(json.loads(body))
        except SharesError as error:
            return _refusal(400, str(error))
        except (ValueError, RecursionError):
            return _refusal(400, "the body is no JSON")
        return web.json_response({"version": told.version})

    async def ask(request: web.Request) -> web.Response:
        try:
            told = shares.ask(request.remote or "", request.query)
        except SharesError as error:
            return _refusal(400, str(error))
        if told is None:
            return web.Response(status=204)
        return web.Response(text=told.to_text())

    async def seen(request: web.Request) -> web.Response:
        return web.json_response(shares.seen())

    return [
        web.put("/traffic", only_with(token, tell)),
        web.get("/traffic", ask, allow_head=False),
        web.get("/traffic/seen", only_with(token, seen), allow_head=False),
    ]


def _refusal(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
