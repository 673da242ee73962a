"""The routes of migrations in the control API; docs/migrations.md tells their shapes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.deploying.requests import read
from nexus.control.migrating.migrating import Migrating
from nexus.control.migrating.requests import (
    ApplyRequest,
    Asked,
    BaselineRequest,
    ResolveRequest,
    UndoRequest,
)
from nexus.control.operating import BAD_INPUT, Emit, Operating, refusal

T = TypeVar("T", bound=Asked)


class Routes:
    """Requests in, streams of events out; the work is `Migrating`'s."""

    def __init__(self, migrating: Migrating, operating: Operating) -> None:
        self._migrating = migrating
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [
            web.post("/v1/migrate/apply", self._of(ApplyRequest, self._migrating.apply)),
            web.post("/v1/migrate/resolve", self._of(ResolveRequest, self._migrating.resolve)),
            web.post("/v1/migrate/baseline", self._of(BaselineRequest, self._migrating.baseline)),
            web.post("/v1/migrate/undo", self._of(UndoRequest, self._migrating.undo)),
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
