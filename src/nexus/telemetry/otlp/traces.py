"""Spans of OTLP -> rows of the store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from nexus.telemetry.otlp.attributes import Origin, flattened, origin, text_of
from nexus.telemetry.otlp.batch import Batch
from nexus.telemetry.records import SPANS

KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
MOST = 128  # events, and links, of one span
_NO_TRACE, _NO_SPAN = bytes(16), bytes(8)
_NEVER = 1 << 63  # nanoseconds; what is later has no microseconds that fit


def spans(message: Any) -> Batch:
    """The spans of an ExportTraceServiceRequest. Those without valid ids are refused."""
    batch = Batch(SPANS)
    for group in message.resource_spans:
        owner = origin(group.resource)
        for scope in group.scope_spans:
            shared = {**owner.rest, "otel.scope.name": scope.scope.name} if scope.scope.name else owner.rest
            for span in scope.spans:
                row = _row(owner, shared, span)
                if row is None:
                    batch.refuse("a span needs a trace id of 16 bytes, a span id of 8 bytes and a start")
                else:
                    batch.rows.append(row)
    return batch


def _row(owner: Origin, shared: dict[str, Any], span: Any) -> tuple[Any, ...] | None:
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    began = span.start_time_unix_nano
    if len(trace_id) != 16 or len(span_id) != 8 or not 0 < began < _NEVER:
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    attributes = flattened(span.attributes)
    if shared:
        attributes = {**shared, **attributes}
    status = span.status
    if status.message:
        attributes["otel.status_description"] = status.message
    if span.trace_state:
        attributes["w3c.tracestate"] = span.trace_state
    return (
        began // 1000,
        max(0, min(span.end_time_unix_nano, _NEVER) - began) // 1000,
        trace_id.hex(),
        span_id.hex(),
        parent.hex() if len(parent) == 8 and parent != _NO_SPAN else None,
        owner.service,
        owner.instance,
        owner.release,
        span.name,
        KINDS[span.kind] if 0 <= span.kind < len(KINDS) else "internal",
        STATUSES[status.code] if 0 <= status.code < len(STATUSES) else "unset",
        text_of(attributes),
        _events(span.events) if span.events else "",
        _links(span.links) if span.links else "",
    )


def _events(events: Any) -> str:
    told = [
        {
            "time": moment(event.time_unix_nano),
            "name": event.name,
            "attributes": flattened(event.attributes),
        }
        for event in events[:MOST]
    ]
    return orjson.dumps(told).decode()


def _links(links: Any) -> str:
    told = [
        {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()}
        for link in links[:MOST]
        if len(link.trace_id) == len(_NO_TRACE) and len(link.span_id) == len(_NO_SPAN)
    ]
    return orjson.dumps(told).decode()


def moment(nanoseconds: int) -> str:
    """A time in RFC 3339, to the microsecond; "" for one out of range."""
    try:
        when = datetime.fromtimestamp(nanoseconds // 1000 / 1e6, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")
