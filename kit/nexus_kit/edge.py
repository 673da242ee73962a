"""The outermost layer of the application: ids, access log, request metrics, and an answer for whatever was not caught."""

from __future__ import annotations

import time
from typing import Any

from starlette.exceptions import HTTPException

from nexus_kit import tracing
from nexus_kit.logs import log
from nexus_kit.metrics import Metrics
from nexus_kit.problems import MEDIA_TYPE, problem_body

MAX_BODY_BYTES = 2 * 1024 * 1024
SILENT = frozenset({"/health/live", "/health/ready", "/health/business", "/metrics"})


class Edge:
    """Pure ASGI middleware. ``silent`` paths are not logged; while ``draining`` connections are closed after the answer."""

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
        trace, request_id = _ids(scope["headers"])
        status = received = 0
        started = time.perf_counter()

        async def receiving() -> Any:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
            return message

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = list(message.get("headers", ()))
                headers.append((b"x-request-id", request_id.encode()))
                if state.draining:
                    headers.append((b"connection", b"close"))
            await send(message)

        state.in_flight += 1
        try:
            await self._app(scope, receiving, sending)
        except Exception:
            log.exception("unhandled error", extra={"method": scope["method"], "path": scope["path"]})
            if status == 0:
                await _internal_error(scope["path"], sending)
        finally:
            state.in_flight -= 1
            self._record(scope, status or 499, time.perf_counter() - started, request_id)

    def _record(self, scope: Any, status: int, seconds: float, request_id: str) -> None:
        if scope["path"] in self._silent:
            return
        route = getattr(scope.get("route"), "path", None) or "(none)"
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
                "request_id": request_id,
            },
        )


def _ids(headers: list[tuple[bytes, bytes]]) -> tuple[str, str]:
    traceparent = request_id = None
    for name, value in headers:
        if name == b"traceparent":
            traceparent = value.decode("latin-1")
        elif name == b"x-request-id":
            request_id = value.decode("latin-1")
    return tracing.begin(traceparent, request_id)


async def _internal_error(path: str, send: Any) -> None:
    body = problem_body(
        500, "internal-error", "Something failed on our side; the log has the details.", path, {}
    )
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
