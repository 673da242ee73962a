"""The routes of releases in the control API; docs/deploying.md tells their shapes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.deploying.deploying import Deploying
from nexus.control.deploying.requests import (
    BuildRequest,
    DeployRequest,
    RollbackRequest,
    Steering,
)
from nexus.control.operating import BAD_INPUT, FAILED, Operating, refusal
from nexus.control.requested import asked, operation
from nexus.releases.artefact import ArtefactError
from nexus.releases.errors import ReleaseError
from nexus.runtimes.protocol import StartError
from nexus.stack import ManifestError

Answer = Callable[[web.Request], Awaitable[Any]]


class Routes:
    """Requests in, answers out; the work is `Deploying`'s."""

    def __init__(self, deploying: Deploying, operating: Operating) -> None:
        self._deploying = deploying
        self._operating = operating

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [
            web.get("/v1/releases", _told(self._releases)),
            web.post("/v1/release/build", _told(self._build)),
            web.post("/v1/deploy", operation(self._operating, DeployRequest, self._deploying.deploy)),
            web.post("/v1/rollback", operation(self._operating, RollbackRequest, self._deploying.rollback)),
            web.get("/v1/deploy/status", _told(self._status)),
            web.get("/v1/deploy/follow/{id}", self._follow),
            web.post("/v1/deploy/pause", _told(self._pause)),
            web.post("/v1/deploy/resume", _told(self._resume)),
            web.post("/v1/deploy/go-on", operation(self._operating, Steering, self._deploying.go_on)),
            web.post("/v1/deploy/abort", operation(self._operating, Steering, self._deploying.abort)),
        ]

    async def _releases(self, request: web.Request) -> Any:
        return self._deploying.history(request.query.get("service") or None)

    async def _build(self, request: web.Request) -> Any:
        return await self._deploying.build(await asked(BuildRequest, request))

    async def _status(self, request: web.Request) -> Any:
        return self._deploying.status()

    async def _pause(self, request: web.Request) -> Any:
        return self._deploying.pause((await asked(Steering, request)).who)

    async def _resume(self, request: web.Request) -> Any:
        return self._deploying.resume((await asked(Steering, request)).who)

    async def _follow(self, request: web.Request) -> web.StreamResponse:
        number = request.match_info["id"]
        if not number.isdecimal():
            return refusal(f"{number!r} is no number of a deployment", BAD_INPUT)
        return await self._operating.stream(
            request, {}, lambda emit, stop: self._deploying.follow(int(number), emit)
        )


def _told(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    """What `answer` gives as JSON, or why it is refused."""

    async def told(request: web.Request) -> web.Response:
        try:
            return web.json_response(await answer(request))
        except (Refused, ReleaseError, ArtefactError, ManifestError) as error:
            return refusal(str(error), BAD_INPUT)
        except (StartError, OSError) as error:
            return refusal(str(error), FAILED)

    return told
