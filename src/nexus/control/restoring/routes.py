"""The routes of restores in the control API; docs/restore.md tells their shapes."""

from __future__ import annotations

from aiohttp import web

from nexus.control.operating import Operating
from nexus.control.requested import operation
from nexus.control.restoring.requests import RestoreRequest, UndoRequest
from nexus.control.restoring.restoring import Restoring


class Routes:
    """Requests in, streams of events out; the work is `Restoring`'s."""

    def __init__(self, restoring: Restoring, operating: Operating) -> None:
        self._restoring = restoring
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [
            web.post("/v1/restore", operation(self._operating, RestoreRequest, self._restoring.restore)),
            web.post("/v1/restore/undo", operation(self._operating, UndoRequest, self._restoring.undo)),
        ]
