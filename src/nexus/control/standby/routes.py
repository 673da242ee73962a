"""The routes of the standby in the control API; docs/standby.md tells their shapes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.deploying.requests import read
from nexus.control.operating import BAD_INPUT, Emit, Operating, refusal
from nexus.control.standby.requests import AddRequest, Asked, AutoRequest, FailoverRequest, RemoveRequest
from nexus.control.standby.standbys import Standbys

T = TypeVar("T", bound=Asked)


class Routes:
    """Requests in, streams of events out; the work is `Standbys`'."""

    def __init__(self, standbys: Standbys, operating: Operating) -> None:
        self._standbys = standbys
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [
            web.get("/v1/standby", self.status),
            web.post("/v1/standby/add", self._of(AddRequest, self._standbys.add)),
            web.post("/v1/standby/remove", self._of(RemoveRequest, self._standbys.remove)),
            web.post("/v1/standby/auto", self.auto),
            web.post("/v1/failover", self._of(FailoverRequest, self._standbys.fail_over)),
        ]

    async def status(self, request: web.Request) -> web.Response:
        """What is."""
        try:
            return web.json_response(self._standbys.status())
        except Refused as error:
            return refusal(str(error), BAD_INPUT)

    async def auto(self, request: web.Request) -> web.Response:
        """Whether the standby takes over by itself."""
        try:
            return web.json_response(await self._standbys.auto(read(AutoRequest, await request.json())))
        except (Refused, ValueError) as error:
            return refusal(str(error), BAD_INPUT)

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
