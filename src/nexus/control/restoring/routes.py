"""The routes of restores in the control API; docs/restore.md tells their shapes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.deploying.requests import read
from nexus.control.operating import BAD_INPUT, Emit, Operating, refusal
from nexus.control.restoring.requests import Asked, RestoreRequest, UndoRequest
from nexus.control.restoring.restoring import Restoring

T = TypeVar("T", bound=Asked)


class Routes:
    """Requests in, streams of events out; the work is `Restoring`'s."""

    def __init__(self, restoring: Restoring, operating: Operating) -> None:
        self._restoring = restoring
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [
            web.post("/v1/restore", self._of(RestoreRequest, self._restoring.restore)),
            web.post("/v1/restore/undo", self._of(UndoRequest, self._restoring.undo)),
        ]

    def _of(
        self, kind: type[T], operation: Callable[[T, Emit, asyncio.Event], Awaitable[None]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                body = await request.json()
                asked = read(kind, body)
            except (Refused, ValueError) as error:
                return refusal(str(error), BAD_INPUT)
            return await self._operating.stream(
                request, body, lambda emit, stop: operation(asked, emit, stop)
            )

        return answer
