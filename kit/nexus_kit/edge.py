"""The outermost layer of the application: ids, access log, request metrics, and an answer for whatever was
not caught.
"""

from __future__ import annotations

import re
import time
from typing import Any

from starlette.exceptions import HTTPException

from nexus_kit import tracing
from nexus_kit.logs import log
from nexus_kit.metrics import Metrics
from nexus_kit.problems import MEDIA_TYPE, problem_body
from nexus_kit.spans import Span

MAX_BODY_BYTES = 2 * 1024 * 1024
NUL = "Text must not contain the character NUL."
INTERNAL = "Something failed on our side; the log has the details."
_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
SILENT = frozenset({"/health/live", "/health/ready", "/health/business", "/metrics"})


class Edge:
    """Pure ASGI middleware. ``silent`` paths are not logged; while ``draining`` connections are closed after
    the answer.
    """

    def __init__(self, app: Any, metrics: Metrics, silent: set[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._silent = silent
        self._children: dict[tuple[str, str, int], Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope["app"].state
        span = _enter(scope)
        request_id = span.request_id.encode()
        status = 0
        started = time.perf_counter()
        body = _Body(receive)

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = list(message.get("headers", ()))
                headers.append((b"x-request-id", request_id))
                if state.draining:
                    headers.append((b"connection", b"close"))
            await send(message)

        state.in_flight += 1
        try:
            if b"%00" in scope["query_string"] or "\0" in scope["path"]:
                await _answer(422, "nul-character", NUL, scope["path"], sending)
            else:
                await self._app(scope, body.receive, sending)
        except Exception as error:  # noqa: BLE001 - the last resort: logged with its stack, answered without it
            span.fail(type(error).__name__)
            log.exception("unhandled error", extra={"method": scope["method"], "path": scope["path"]})
            if status == 0:
                await _answer(500, "internal-error", INTERNAL, scope["path"], sending)
        finally:
            state.in_flight -= 1
            self._record(scope, status or 499, time.perf_counter() - started, span)

    def _record(self, scope: Any, status: int, seconds: float, span: Span) -> None:
        if scope["path"] in self._silent:
            return
        route = getattr(scope.get("route"), "path", None) or "(none)"
        _end(span, scope, route, status)
        key = (scope["method"] if route != "(none)" else "*", route, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._metrics.requests.labels(key[0], route, str(status))
        child.observe(seconds)
        client = scope.get("client")
        log.info(
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"],
                "route": route,
                "status": status,
                "ms": round(seconds * 1000, 2),
                "client": client[0] if client else None,
                "request_id": span.request_id,
            },
        )


def _enter(scope: Any) -> Span:
    traceparent = request_id = None
    for name, value in scope["headers"]:
        if name == b"traceparent":
            traceparent = value.decode("latin-1")
        elif name == b"x-request-id":
            request_id = value.decode("latin-1")
    return tracing.enter(scope["method"], traceparent, request_id)


def _end(span: Span, scope: Any, route: str, status: int) -> None:
    span.name = f"{scope['method']} {route}"
    span.note(
        {
            "http.request.method": scope["method"],
            "http.route": route,
            "url.path": scope["path"],
        }
    )
    tracing.answered(span, status)
    tracing.end(span)


class _Body:
    """The request's body on its way in: limited in size, and free of NUL, which PostgreSQL cannot store."""

    __slots__ = ("_receive", "_size", "_tail")

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self._size = 0
        self._tail = b""

    async def receive(self) -> Any:
        message = await self._receive()
        chunk = message.get("body", b"")
        self._size += len(chunk)
        if self._size > MAX_BODY_BYTES:
            raise HTTPException(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        if (b"u0000" in chunk or self._tail) and _NUL_ESCAPE.search(self._tail + chunk):
            raise HTTPException(422, NUL)
        self._tail = chunk[-8:] if message.get("more_body") else b""
        return message


async def _answer(status: int, slug: str, detail: str, path: str, send: Any) -> None:
    body = problem_body(status, slug, detail, path, {})
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
