"""The route of rows in the control API; docs/recovery-rows.md tells its shape."""

from __future__ import annotations

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.deploying.requests import read
from nexus.control.merging.merging import Merging
from nexus.control.merging.requests import RowsRequest
from nexus.control.operating import BAD_INPUT, Operating, refusal


class Routes:
    """Requests in, streams of events out; the work is `Merging`'s."""

    def __init__(self, merging: Merging, operating: Operating) -> None:
        self._merging = merging
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [web.post("/v1/restore/rows", self.rows)]

    async def rows(self, request: web.Request) -> web.StreamResponse:
        """Compares, and merges unless only a plan is asked for."""
        try:
            body = await request.json()
            asked = read(RowsRequest, body)
        except (Refused, ValueError) as error:
            return refusal(str(error), BAD_INPUT)
        return await self._operating.stream(
            request, body, lambda emit, stop: self._merging.rows(asked, emit, stop)
        )
