"""Operations over HTTP: JSON lines as they go on; a client that goes away does not stop them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from nexus.control.addresses import Refused
from nexus.control.world import World
from nexus.releases.artefact import ArtefactError
from nexus.releases.errors import ReleaseError
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.home import HomeError
from nexus.runtimes.protocol import StartError
from nexus.stack import ManifestError

log = logging.getLogger("nexus.control")
BAD_INPUT, FAILED = 2, 1

Emit = Callable[[dict[str, Any]], None]
Operation = Callable[[Emit, asyncio.Event], Awaitable[None]]


class Operating:
    """The operations that run now, each with the event that asks it to stop."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stops: dict[str, asyncio.Event] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def finished(self) -> None:
        """Returns when no operation runs any more."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def stop(self, run: str) -> bool:
        """Asks an operation to end after its running steps; False when there is none of that name."""
        found = self._stops.get(run)
        if found is not None:
            found.set()
        return found is not None

    async def stream(
        self, request: web.Request, body: dict[str, Any], operation: Operation
    ) -> web.StreamResponse:
        """Begins an operation and answers with its events until it ends."""
        if self._world.ending.is_set():
            return refusal("the control loop is just ending; run the same command again", FAILED)
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        run, stop = str(body.get("run", id(events))), asyncio.Event()
        self._stops[run] = stop
        task = asyncio.create_task(self._run(operation, events, stop), name=f"operation {request.path}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: self._stops.pop(run, None))
        response = await stream(request)
        try:
            while (event := await events.get()) is not None:
                await line(response, event)
            await response.write_eof()
        except ConnectionError:
            log.info("the client of %s went away; the operation goes on", request.path)
        return response

    async def _run(
        self, operation: Operation, events: asyncio.Queue[dict[str, Any] | None], stop: asyncio.Event
    ) -> None:
        def refuse(message: str, exit_code: int, code: str = "") -> None:
            refused = {"event": "refused", "message": message, "exit_code": exit_code, "code": code}
            events.put_nowait(refused)

        try:
            await operation(events.put_nowait, stop)
        except Refused as error:
            refuse(str(error), BAD_INPUT, error.code)
        except (ReleaseError, ArtefactError, ManifestError, HomeError, EngineError) as error:
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


async def stream(request: web.Request) -> web.StreamResponse:
    """The beginning of an answer of JSON lines."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    return response


async def line(response: web.StreamResponse, event: dict[str, Any]) -> None:
    """One more line."""
    await response.write(json.dumps(event, ensure_ascii=False).encode() + b"\n")


def refusal(message: str, exit_code: int) -> web.Response:
    """Why a request is refused, and what its command is to end with."""
    return web.json_response({"error": message, "exit_code": exit_code}, status=409)
