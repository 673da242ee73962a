"""The routes of backups in the control API; docs/recovery.md tells their shapes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.deploying.requests import read
from nexus.control.operating import BAD_INPUT, FAILED, Emit, Operating, refusal
from nexus.control.recovering import kept
from nexus.control.recovering.backups import SCHEDULE, Backups
from nexus.control.recovering.requests import Asked, CreateRequest, PruneRequest
from nexus.runtimes.home import Home

T = TypeVar("T", bound=Asked)
UNSEEN = "how recovery stands was not looked at yet; ask again in some seconds"


class Routes:
    """Requests in, streams of events out; the work is that of `Backups`."""

    def __init__(self, home: Home, backups: Backups, operating: Operating) -> None:
        self._home = home
        self._backups = backups
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [
            web.post("/v1/backup/create", self._of(CreateRequest, self._backups.create)),
            web.post("/v1/backup/prune", self._of(PruneRequest, self._backups.prune)),
            web.get("/v1/recovery", self.standing),
        ]

    async def standing(self, request: web.Request) -> web.Response:
        """What a disaster would cost, as it was seen within the last seconds."""
        found = await asyncio.to_thread(kept.read, self._home)
        return refusal(UNSEEN, FAILED) if found is None else web.json_response(found)

    def _of(
        self, kind: type[T], operation: Callable[[T, Emit, asyncio.Event], Awaitable[None]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                body = await request.json()
                asked = _by_an_operator(read(kind, body))
            except (Refused, ValueError) as error:
                return refusal(str(error), BAD_INPUT)
            return await self._operating.stream(
                request, body, lambda emit, stop: operation(asked, emit, stop)
            )

        return answer


def _by_an_operator(asked: T) -> T:
    """What the schedule does is in no audit trail: nobody else goes by its name.

    Raises:
        Refused: somebody does.
    """
    due = asked.due if isinstance(asked, CreateRequest) else None
    if due is not None or asked.who.strip().casefold() in ("", SCHEDULE):
        raise Refused(f"who: {asked.who!r} is nobody who can ask for this; name the operator")
    return asked
