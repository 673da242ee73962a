"""A receiver of spans over OTLP/HTTP for tests: keeps what it is sent, or refuses it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

STATUS_ERROR = 2


@dataclass(frozen=True)
class SeenSpan:
    """A span as it was received. Ids are hexadecimal, ``kind`` is OTLP's number, times are nanoseconds."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    started: int
    ended: int
    attributes: dict[str, Any]
    moments: tuple[str, ...]
    links: tuple[tuple[str, str, dict[str, Any]], ...]
    failed: bool


class OtlpSink:
    """An HTTP server on a port of its own; ``status`` is what it answers. Use it as a context manager."""

    def __init__(self) -> None:
        self.status = 200
        self.tries = 0
        self.spans: list[SeenSpan] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(sink.take(self.path, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Tests need no access log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """The value for OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> OtlpSink:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, path: str, body: bytes) -> int:
        """Keep the spans of a request, unless they are to be refused; returns the status of the answer."""
        self.tries += 1
        if path != "/v1/traces":
            return 404
        if self.status == 200:
            self.spans += spans_of(ExportTraceServiceRequest.FromString(body))
        return self.status

    def named(self, name: str, trace_id: str | None = None) -> list[SeenSpan]:
        """The spans of that name, of one trace if it is given."""
        return [span for span in self.spans if span.name == name and trace_id in (None, span.trace_id)]

    def wait(self, true: Callable[[], Any], timeout: float = 60.0) -> Any:
        """Wait until ``true()`` gives something true; return it. ``timeout`` in seconds."""
        give_up = time.monotonic() + timeout
        while not (value := true()):
            if time.monotonic() > give_up:
                names = sorted({f"{span.service}: {span.name}" for span in self.spans})
                raise AssertionError(f"not true within {timeout} s; received: {names}")
            time.sleep(0.02)
        return value


def spans_of(request: ExportTraceServiceRequest) -> list[SeenSpan]:
    """The spans of an export request."""
    spans = []
    for resource in request.resource_spans:
        service = str(_plain(resource.resource.attributes)["service.name"])
        for scope in resource.scope_spans:
            spans += [_seen(service, span) for span in scope.spans]
    return spans


def _seen(service: str, span: Any) -> SeenSpan:
    return SeenSpan(
        service=service,
        name=span.name,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        started=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        attributes=_plain(span.attributes),
        moments=tuple(event.name for event in span.events),
        links=tuple((x.trace_id.hex(), x.span_id.hex(), _plain(x.attributes)) for x in span.links),
        failed=span.status.code == STATUS_ERROR,
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each) for each in attributes}


def _value(attribute: KeyValue) -> Any:
    return getattr(attribute.value, attribute.value.WhichOneof("value"))
