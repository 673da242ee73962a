"""W3C trace context and request ids: taken in, carried through a task, handed out.

The ids are kept for logs, events and outgoing calls in any case; spans are recorded and exported over OTLP
only when OTEL_EXPORTER_OTLP_ENDPOINT is set.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace as otel
from opentelemetry.propagate import extract

from nexus_kit.settings import Settings

_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._:\-]{8,128}$")

_trace: ContextVar[str | None] = ContextVar("nexus_trace", default=None)
_request_id: ContextVar[str | None] = ContextVar("nexus_request_id", default=None)
_tracer: otel.Tracer | None = None


def begin(traceparent: str | None, request_id: str | None = None) -> tuple[str, str]:
    """Enter a trace for this task: a child of ``traceparent`` when it is valid, else a new trace.

    Returns (traceparent, request id) that now count for this task.
    """
    if traceparent is not None and _TRACEPARENT.match(traceparent):
        trace = f"{traceparent[:36]}{secrets.token_hex(8)}{traceparent[-3:]}"
    else:
        trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    if request_id is None or not _REQUEST_ID.match(request_id):
        request_id = trace[3:35]
    _trace.set(trace)
    _request_id.set(request_id)
    return trace, request_id


def current_trace() -> str | None:
    """Return the traceparent of this task, or None outside of any."""
    return _trace.get()


def current_trace_id() -> str | None:
    """Return the trace id (32 hex digits) of this task."""
    trace = _trace.get()
    return trace[3:35] if trace else None


def current_span_id() -> str | None:
    """Return the span id (16 hex digits) of this task."""
    trace = _trace.get()
    return trace[36:52] if trace else None


def current_request_id() -> str | None:
    """Return the request id of this task."""
    return _request_id.get()


def configure(settings: Settings) -> None:
    """Export spans over OTLP/HTTP when an endpoint is set; else record none."""
    global _tracer
    if settings.otlp_endpoint is None or _tracer is not None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create(
        {
            "service.name": settings.service,
            "service.instance.id": settings.instance,
            "service.version": settings.release,
        }
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    otel.set_tracer_provider(provider)
    _tracer = otel.get_tracer("nexus_kit")


@contextmanager
def span(name: str, traceparent: str | None, kind: otel.SpanKind = otel.SpanKind.CONSUMER) -> Iterator[None]:
    """Run the block in a span below ``traceparent``; without an exporter only the ids are carried."""
    if _tracer is None:
        begin(traceparent)
        yield
        return
    parent = extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(name, context=parent, kind=kind) as active:
        context = active.get_span_context()
        _trace.set(f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}")
        yield
