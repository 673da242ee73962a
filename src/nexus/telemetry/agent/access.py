"""Who may ask the agent what only the host is to know: whoever holds the token of its secret file."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def only_with(token: str, handler: Handler) -> Handler:
    """The handler, for requests with `Authorization: Bearer TOKEN`; others get 401 (RFC 6750)."""
    expected = f"Bearer {token}".encode()

    async def guarded(request: web.Request) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, expected):
            return web.json_response(
                {"error": "this needs the token of the stack"},
                status=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await handler(request)

    return guarded
