"""The routes of migrations in the control API; docs/migrations.md tells their shapes."""

from __future__ import annotations

from aiohttp import web

from nexus.control.migrating.migrating import Migrating
from nexus.control.migrating.requests import (
    ApplyRequest,
    BaselineRequest,
    ResolveRequest,
    UndoRequest,
)
from nexus.control.operating import Operating
from nexus.control.requested import operation


class Routes:
    """Requests in, streams of events out; the work is `Migrating`'s."""

    def __init__(self, migrating: Migrating, operating: Operating) -> None:
        self._migrating = migrating
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        by, work = self._operating, self._migrating
        return [
            web.post("/v1/migrate/apply", operation(by, ApplyRequest, work.apply)),
            web.post("/v1/migrate/resolve", operation(by, ResolveRequest, work.resolve)),
            web.post("/v1/migrate/baseline", operation(by, BaselineRequest, work.baseline)),
            web.post("/v1/migrate/undo", operation(by, UndoRequest, work.undo)),
        ]
