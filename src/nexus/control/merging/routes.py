"""The route of rows in the control API; docs/recovery-rows.md tells its shape."""

from __future__ import annotations

from aiohttp import web

from nexus.control.merging.merging import Merging
from nexus.control.merging.requests import RowsRequest
from nexus.control.operating import Operating
from nexus.control.requested import operation


class Routes:
    """Requests in, streams of events out; the work is `Merging`'s."""

    def __init__(self, merging: Merging, operating: Operating) -> None:
        self._merging = merging
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [web.post("/v1/restore/rows", operation(self._operating, RowsRequest, self._merging.rows))]
