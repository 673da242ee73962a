"""Log records of OTLP -> rows of the store."""

from __future__ import annotations

import time
from typing import Any

import orjson

from nexus.telemetry.otlp.attributes import Origin, flattened, origin, plain, text_of
from nexus.telemetry.otlp.batch import Batch
from nexus.telemetry.records import INFO, LOGS

LONGEST_BODY = 64 << 10  # characters
# Column -> the attributes that may hold it: today's names, and those before the semantic conventions 1.23.
TEXTS = {
    "method": ("http.request.method", "http.method"),
    "path": ("url.path", "http.target"),
    "route": ("http.route",),
}
STATUS = ("http.response.status_code", "http.status_code")
_NEVER = 1 << 63


def log_records(message: Any) -> Batch:
    """The records of an ExportLogsServiceRequest."""
    batch = Batch(LOGS)
    now = time.time_ns() // 1000
    for group in message.resource_logs:
        owner = origin(group.resource)
        for scope in group.scope_logs:
            shared = {**owner.rest, "otel.scope.name": scope.scope.name} if scope.scope.name else owner.rest
            batch.rows += (_row(owner, shared, record, now) for record in scope.log_records)
    return batch


def _row(owner: Origin, shared: dict[str, Any], record: Any, now: int) -> tuple[Any, ...]:
    attributes = {**shared, **flattened(record.attributes)}
    when = record.time_unix_nano or record.observed_time_unix_nano
    severity = record.severity_number
    if record.event_name:
        attributes["event.name"] = record.event_name
    texts = [_taken(attributes, names, str) for names in TEXTS.values()]
    status = _taken(attributes, STATUS, int)
    return (
        when // 1000 if 0 < when < _NEVER else now,
        now,
        severity if 1 <= severity <= 24 else INFO,
        owner.service,
        owner.instance,
        owner.release,
        _body(record.body),
        record.trace_id.hex() if len(record.trace_id) == 16 and any(record.trace_id) else None,
        record.span_id.hex() if len(record.span_id) == 8 and any(record.span_id) else None,
        *texts,
        status if status is not None and 0 <= status < 1000 else None,
        None,
        text_of(attributes),
    )


def _taken(attributes: dict[str, Any], names: tuple[str, ...], kind: type) -> Any:
    """The value of the first of these attributes that has one of this kind; it is an attribute no more."""
    for name in names:
        if isinstance(attributes.get(name), kind):
            return attributes.pop(name)
    return None


def _body(value: Any) -> str:
    told = plain(value)
    if told is None:
        return ""
    text = told if isinstance(told, str) else orjson.dumps(told).decode()
    return text[:LONGEST_BODY]
