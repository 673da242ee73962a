"""The collector's API: questions over HTTP on a Unix socket. The control loop passes it on below
`/v1/telemetry/`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from nexus.control.collector.answers import ANSWERS, Answer, Asked, Misasked, Subject
from nexus.control.collector.asking import Gone, in_thread
from nexus.control.collector.federating import federate
from nexus.control.collector.following import follow
from nexus.control.collector.wire import decoded, encoded
from nexus.control.questions import POSTED
from nexus.telemetry.query import QueryError
from nexus.telemetry.store import StoreError

if TYPE_CHECKING:
    from nexus.control.collector.collector import Collector

log = logging.getLogger("nexus.telemetry")

BAD_INPUT, FAILED = 2, 1
LONGEST_BODY = 1 << 20
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(collector: Collector) -> web.Application:
    """The aiohttp application; every route of `ANSWERS`, and `/federate` for Prometheus."""
    app = web.Application(middlewares=[_in_a_sentence], client_max_size=LONGEST_BODY)
    for path, answer in ANSWERS.items():
        method = "POST" if path in POSTED else "GET"
        app.router.add_route(method, path, _logs(collector) if path == "/logs" else _asked(collector, answer))

    async def federated(request: web.Request) -> web.StreamResponse:
        return await federate(collector, request)

    app.router.add_get("/federate", federated)
    return app


def subject_of(collector: Collector) -> Subject:
    """What the collector's questions are about."""
    targets = collector.targets
    return Subject(
        store=collector.store,
        kpis=targets.kpis if targets else (),
        processes=targets.processes if targets else {},
        parts=collector.facts,
    )


def _asked(collector: Collector, answer: Answer) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        asked = await _parameters(request)
        body = await in_thread(request, lambda: encoded(answer(subject_of(collector), asked)))
        return web.Response(body=body, content_type="application/json")

    return handle


def _logs(collector: Collector) -> Handler:
    once = _asked(collector, ANSWERS["/logs"])

    async def handle(request: web.Request) -> web.StreamResponse:
        asked = await _parameters(request)
        return await (
            follow(subject_of(collector), asked, request) if asked.flag("follow") else once(request)
        )

    return handle


async def _parameters(request: web.Request) -> Asked:
    """Those of the address, then those of the query string or of the body."""
    pairs = [*request.match_info.items(), *request.query.items()]
    if request.method == "POST":
        try:
            told = decoded(await request.read())
        except ValueError as error:
            raise Misasked("the body is no JSON: {error}", error=str(error)) from error
        if not isinstance(told, dict):
            raise Misasked("the body is no JSON object")
        pairs += [(str(name), str(value)) for name, value in told.items() if value is not None]
    return Asked(pairs)


@web.middleware
async def _in_a_sentence(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong is told in one sentence, with the code that a command should end with."""
    try:
        return await handler(request)
    except Misasked as error:
        return _refusal(str(error), 400, BAD_INPUT, text=error.text, values=error.values)
    except QueryError as error:
        return _refusal(str(error), 400, BAD_INPUT)
    except Gone:
        log.debug("the client of %s went away", request.path)
        return _refusal("nobody waits for this answer any more", 409, FAILED)
    except StoreError as error:
        return _refusal(str(error), 409, FAILED)
    except web.HTTPException as error:
        return _refusal(f"{request.method} {request.path}: {error.reason}", error.status, FAILED)
    except Exception as error:
        log.exception("%s could not be answered", request.path_qs)
        return _refusal(f"{type(error).__name__}: {error}; see `nexus logs control`", 500, FAILED)


def _refusal(message: str, status: int, exit_code: int, **parts: Any) -> web.Response:
    """`parts` of the message let a command tell it in its own language."""
    body: Mapping[str, Any] = {"error": message, "exit_code": exit_code, **parts}
    return web.Response(body=encoded(body), status=status, content_type="application/json")
