"""The routes of backups in the control API; docs/recovery.md tells their shapes."""

from __future__ import annotations

import asyncio

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.operating import FAILED, Operating, refusal
from nexus.control.recovering import kept
from nexus.control.recovering.backups import SCHEDULE, Backups
from nexus.control.recovering.requests import Asked, CreateRequest, PruneRequest
from nexus.control.requested import operation
from nexus.runtimes.home import Home

UNSEEN = "how recovery stands was not looked at yet; ask again in some seconds"


class Routes:
    """Requests in, streams of events out; the work is that of `Backups`."""

    def __init__(self, home: Home, backups: Backups, operating: Operating) -> None:
        self._home = home
        self._backups = backups
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        by, work = self._operating, self._backups
        return [
            web.post(
                "/v1/backup/create",
                operation(by, CreateRequest, work.create, _by_an_operator),
            ),
            web.post(
                "/v1/backup/prune",
                operation(by, PruneRequest, work.prune, _by_an_operator),
            ),
            web.get("/v1/recovery", self.standing),
        ]

    async def standing(self, request: web.Request) -> web.Response:
        """What a disaster would cost, as it was seen within the last seconds."""
        found = await asyncio.to_thread(kept.read, self._home)
        return refusal(UNSEEN, FAILED) if found is None else web.json_response(found)


def _by_an_operator(asked: Asked) -> None:
    """What the schedule does is in no audit trail: nobody else goes by its name.

    Raises:
        Refused: somebody does.
    """
    due = asked.due if isinstance(asked, CreateRequest) else None
    if due is not None or asked.who.strip().casefold() in ("", SCHEDULE):
        raise Refused(f"who: {asked.who!r} is nobody who can ask for this; name the operator")
