"""The routes of the standby in the control API; docs/standby.md tells their shapes."""

from __future__ import annotations

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.operating import BAD_INPUT, Operating, refusal
from nexus.control.requested import asked, operation
from nexus.control.standby.requests import AddRequest, AutoRequest, FailoverRequest, RemoveRequest
from nexus.control.standby.standbys import Standbys


class Routes:
    """Requests in, streams of events out; the work is `Standbys`'."""

    def __init__(self, standbys: Standbys, operating: Operating) -> None:
        self._standbys = standbys
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [
            web.get("/v1/standby", self.status),
            web.post("/v1/standby/add", operation(self._operating, AddRequest, self._standbys.add)),
            web.post("/v1/standby/remove", operation(self._operating, RemoveRequest, self._standbys.remove)),
            web.post("/v1/standby/auto", self.auto),
            web.post("/v1/failover", operation(self._operating, FailoverRequest, self._standbys.fail_over)),
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
            return web.json_response(await self._standbys.auto(await asked(AutoRequest, request)))
        except Refused as error:
            return refusal(str(error), BAD_INPUT)
