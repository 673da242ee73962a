"""The control API: HTTP on a Unix socket that only the stack's owner can open.

Operations answer with one JSON object per line as they go on; a client that goes away does not stop them.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.check import check
from nexus.control.deploying.deploying import Deploying
from nexus.control.deploying.routes import Routes
from nexus.control.merging.merging import Merging
from nexus.control.merging.routes import Routes as MergingRoutes
from nexus.control.migrating.migrating import Migrating
from nexus.control.migrating.routes import Routes as MigratingRoutes
from nexus.control.operating import BAD_INPUT, FAILED, Operating, line, refusal, stream
from nexus.control.operations import DownRequest, Operations, UpRequest
from nexus.control.recovering.recovering import Recovering
from nexus.control.recovering.routes import Routes as RecoveringRoutes
from nexus.control.relay import Relay
from nexus.control.restoring.begun import refuse_unfinished
from nexus.control.restoring.restoring import Restoring
from nexus.control.restoring.routes import Routes as RestoringRoutes
from nexus.control.standby.routes import Routes as StandbyRoutes
from nexus.control.standby.standbys import Standbys
from nexus.control.turn import Turn
from nexus.control.world import World
from nexus.runtimes.protocol import StartError

log = logging.getLogger("nexus.control")


class Api:
    """Routes of the control API."""

    def __init__(self, world: World) -> None:
        self._world = world
        turn = Turn(world.lease, lambda: refuse_unfinished(world.home))
        self.deploying = Deploying(world, turn)
        self.standbys = Standbys(world, turn)
        self.recovering = Recovering(world, turn, self.standbys.known)
        self._operations = Operations(
            world, turn, came_up=self.deploying.wake, goes_down=self.recovering.interrupt
        )
        self.migrating = Migrating(world, turn)
        self.restoring = Restoring(world, turn, calm=self.recovering.interrupt)
        self.merging = Merging(world, turn)
        self._operating = Operating(world)

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/ping", self.ping),
                web.get("/v1/status", self.status),
                web.get("/v1/check", self.check),
                web.get("/v1/logs", self.logs),
                web.get("/v1/history", self.history),
                web.get("/v1/events", self.events),
                web.post("/v1/up", self.up),
                web.post("/v1/down", self.down),
                web.post("/v1/restart", self.restart),
                web.post("/v1/renew", self.renew),
                web.post("/v1/stop/{run}", self.stop),
                *Routes(self.deploying, self._operating).all(),
                *MigratingRoutes(self.migrating, self._operating).all(),
                *RecoveringRoutes(self._world.home, self.recovering.backups, self._operating).all(),
                *RestoringRoutes(self.restoring, self._operating).all(),
                *MergingRoutes(self.merging, self._operating).all(),
                *StandbyRoutes(self.standbys, self._operating).all(),
                web.route("*", "/v1/telemetry/{question:.*}", Relay(self._world.home, "/v1/telemetry")),
            ]
        )
        return app

    async def finished(self) -> None:
        """Returns when no operation runs any more."""
        await self._operating.finished()

    async def ping(self, request: web.Request) -> web.Response:
        """Answers with the control loop's pid and the release it runs; refuses when it is about to end."""
        if self._world.ending.is_set():
            return refusal("the control loop is just ending", FAILED)
        return web.json_response({"pid": os.getpid(), "release": self._world.release})

    async def status(self, request: web.Request) -> web.Response:
        """The status of the stack."""
        return web.json_response(self._world.status())

    async def check(self, request: web.Request) -> web.Response:
        """The invariants' results."""
        try:
            return web.json_response(await check(self._world))
        except Refused as error:
            return refusal(str(error), BAD_INPUT)
        except StartError as error:
            return refusal(str(error), FAILED)

    async def logs(self, request: web.Request) -> web.Response:
        """Service -> its log files, oldest first."""
        site = self._world.site
        names = [service.name for service in site.stack.services] if site else []
        home = self._world.home
        found = {name: [str(path) for path in home.log_files(name)] for name in [*names, "control"]}
        return web.json_response(found)

    async def history(self, request: web.Request) -> web.Response:
        """The latest runs of the journal, newest first."""
        runs = self._world.journal.history(20)
        return web.json_response(
            [
                {
                    "id": run.id,
                    "title": run.title,
                    "who": run.who,
                    "started_at": run.started_at,
                    "finished_at": run.finished_at,
                    "state": run.state,
                    "sentence": run.sentence,
                }
                for run in runs
            ]
        )

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Every change of an instance's state from now on, as JSON lines."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=1000)

        def listen(event: dict[str, Any]) -> None:
            if not queue.full():
                queue.put_nowait(event)

        response = await stream(request)
        self._world.listeners.add(listen)
        try:
            while not self._world.ending.is_set():
                await line(response, await queue.get())
        except ConnectionError:
            log.debug("an event listener went away")
        finally:
            self._world.listeners.discard(listen)
        return response

    async def up(self, request: web.Request) -> web.StreamResponse:
        """Brings the stack up."""
        body = await request.json()
        asked = UpRequest(
            Path(body["root"]),
            body["who"],
            body.get("runtime"),
            body.get("registry"),
            body.get("offset"),
            None if body.get("only") is None else tuple(body["only"]),
            body.get("forward"),
            bool(body.get("plan_only")),
        )
        return await self._operating.stream(
            request, body, lambda emit, stop: self._operations.up(asked, emit, stop)
        )

    async def down(self, request: web.Request) -> web.StreamResponse:
        """Takes the stack down."""
        body = await request.json()
        return await self._operating.stream(
            request,
            body,
            lambda emit, stop: self._operations.down(
                DownRequest(
                    body["who"],
                    bool(body.get("delete_data")),
                    bool(body.get("delete_backups")),
                    bool(body.get("plan_only")),
                ),
                emit,
                stop,
            ),
        )

    async def restart(self, request: web.Request) -> web.StreamResponse:
        """Replaces services' instances."""
        body = await request.json()
        return await self._operating.stream(
            request,
            body,
            lambda emit, stop: self._operations.restart(body["who"], body["services"], emit, stop),
        )

    async def renew(self, request: web.Request) -> web.Response:
        """Hands over to a new control loop; services go on undisturbed."""
        self._world.leaving.set()
        return web.json_response({"leaving": True})

    async def stop(self, request: web.Request) -> web.Response:
        """Lets an operation end after its running steps."""
        return web.json_response({"stopping": self._operating.stop(request.match_info["run"])})
