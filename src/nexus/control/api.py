"""The control API: HTTP on a Unix socket that only the stack's owner can open.

Operations answer with one JSON object per line as they go on; a client that goes away does not stop them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.check import check
from nexus.control.operations import Operations, UpRequest
from nexus.control.relay import Relay
from nexus.control.turn import Turn
from nexus.control.world import World
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.home import HomeError
from nexus.runtimes.protocol import StartError
from nexus.stack import ManifestError

log = logging.getLogger("nexus.control")
BAD_INPUT, FAILED = 2, 1

Emit = Callable[[dict[str, Any]], None]
Operation = Callable[[Emit, asyncio.Event], Awaitable[None]]


class Api:
    """Routes of the control API."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._operations = Operations(world, Turn(world.lease))
        self._stops: dict[str, asyncio.Event] = {}
        self._running: set[asyncio.Task[None]] = set()

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
                web.route("*", "/v1/telemetry/{question:.*}", Relay(self._world.home, "/v1/telemetry")),
            ]
        )
        return app

    async def finished(self) -> None:
        """Returns when no operation runs any more."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def ping(self, request: web.Request) -> web.Response:
        """Answers with the control loop's pid and the release it runs; refuses when it is about to end."""
        if self._world.ending.is_set():
            return _refusal("the control loop is just ending", FAILED)
        return web.json_response({"pid": os.getpid(), "release": self._world.release})

    async def status(self, request: web.Request) -> web.Response:
        """The status of the stack."""
        return web.json_response(self._world.status())

    async def check(self, request: web.Request) -> web.Response:
        """The invariants' results."""
        try:
            return web.json_response(await check(self._world))
        except Refused as error:
            return _refusal(str(error), BAD_INPUT)
        except StartError as error:
            return _refusal(str(error), FAILED)

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

        response = await _stream(request)
        self._world.listeners.add(listen)
        try:
            while not self._world.ending.is_set():
                await _line(response, await queue.get())
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
        return await self._operate(request, body, lambda emit, stop: self._operations.up(asked, emit, stop))

    async def down(self, request: web.Request) -> web.StreamResponse:
        """Takes the stack down."""
        body = await request.json()
        return await self._operate(
            request,
            body,
            lambda emit, stop: self._operations.down(
                body["who"], bool(body.get("delete_data")), bool(body.get("plan_only")), emit, stop
            ),
        )

    async def restart(self, request: web.Request) -> web.StreamResponse:
        """Replaces services' instances."""
        body = await request.json()
        return await self._operate(
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
        run = self._stops.get(request.match_info["run"])
        if run is not None:
            run.set()
        return web.json_response({"stopping": run is not None})

    async def _operate(
        self, request: web.Request, body: dict[str, Any], operation: Operation
    ) -> web.StreamResponse:
        if self._world.ending.is_set():
            return _refusal("the control loop is just ending; run the same command again", FAILED)
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        run, stop = str(body.get("run", id(events))), asyncio.Event()
        self._stops[run] = stop
        task = asyncio.create_task(self._run(operation, events, stop), name=f"operation {request.path}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: self._stops.pop(run, None))
        response = await _stream(request)
        try:
            while (event := await events.get()) is not None:
                await _line(response, event)
            await response.write_eof()
        except ConnectionError:
            log.info("the client of %s went away; the operation goes on", request.path)
        return response

    async def _run(
        self, operation: Operation, events: asyncio.Queue[dict[str, Any] | None], stop: asyncio.Event
    ) -> None:
        def refuse(message: str, code: int) -> None:
            events.put_nowait({"event": "refused", "message": message, "exit_code": code})

        try:
            await operation(events.put_nowait, stop)
        except (Refused, ManifestError, HomeError, EngineError) as error:
            refuse(str(error), BAD_INPUT)
        except (StartError, OSError) as error:
            refuse(str(error), FAILED)
        except Exception as error:
            log.exception("an operation failed")
            refuse(f"{type(error).__name__}: {error}; see `nexus logs control`", FAILED)
            raise
        finally:
            if len(self._running) == 1 and self._world.idle:  # nothing to keep, and nobody else at work
                self._world.ending.set()
            events.put_nowait(None)


async def _stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    return response


async def _line(response: web.StreamResponse, event: dict[str, Any]) -> None:
    await response.write(json.dumps(event, ensure_ascii=False).encode() + b"\n")


def _refusal(message: str, exit_code: int) -> web.Response:
    return web.json_response({"error": message, "exit_code": exit_code}, status=409)
