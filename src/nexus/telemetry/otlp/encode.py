"""Rows of the store -> requests of OTLP: the way back of what was taken in, with nothing lost on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from google.protobuf.message import Message  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from nexus.telemetry.otlp.logs import STATUS, TEXTS
from nexus.telemetry.otlp.traces import KINDS, STATUSES

SCOPE = "otel.scope.name"
DESCRIPTION = "otel.status_description"
STATE = "w3c.tracestate"
LONGEST_INT = 1 << 63
_SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")

# What a row raises that OTLP has no words for.
UNTELLABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

Row = Mapping[str, Any]


@dataclass
class Encoded:
    """A request. `refused` rows are not in it, since OTLP cannot tell them; `why`: the last one's reason."""

    message: Message
    refused: int = 0
    why: str = ""

    def refuse(self, error: Exception, count: int = 1) -> None:
        self.refused += count
        self.why = f"{type(error).__name__}: {error}"[:200]


def encode_logs(rows: Iterable[Row]) -> Encoded:
    """Rows of `records.LOGS`; times are datetimes."""
    encoded = Encoded(ExportLogsServiceRequest())
    scopes: dict[tuple[str, ...], Any] = {}
    for row in rows:
        try:
            attributes = _attributes(row)
            scope = _text(attributes, SCOPE)
            record = _log_record(row, attributes)
        except UNTELLABLE as error:
            encoded.refuse(error)
            continue
        key = (row["service"], row["instance"], row["release"], scope)
        if key not in scopes:
            group = encoded.message.resource_logs.add()
            set_resource(group.resource, row)
            scopes[key] = group.scope_logs.add()
            scopes[key].scope.name = scope
        scopes[key].log_records.append(record)
    return encoded


def encode_spans(rows: Iterable[Row]) -> Encoded:
    """Rows of `records.SPANS`; times are datetimes."""
    encoded = Encoded(ExportTraceServiceRequest())
    scopes: dict[tuple[str, ...], Any] = {}
    for row in rows:
        try:
            attributes = _attributes(row)
            scope = _text(attributes, SCOPE)
            span = _span(row, attributes)
        except UNTELLABLE as error:
            encoded.refuse(error)
            continue
        key = (row["service"], row["instance"], row["release"], scope)
        if key not in scopes:
            group = encoded.message.resource_spans.add()
            set_resource(group.resource, row)
            scopes[key] = group.scope_spans.add()
            scopes[key].scope.name = scope
        scopes[key].spans.append(span)
    return encoded


def _attributes(row: Row) -> dict[str, Any]:
    return dict(orjson.loads(row["attributes"])) if row["attributes"] else {}


def _text(attributes: dict[str, Any], name: str) -> str:
    """The text that has a field of its own in OTLP, taken out; what is no text stays an attribute."""
    return attributes.pop(name) if isinstance(attributes.get(name), str) else ""


def _log_record(row: Row, attributes: dict[str, Any]) -> LogRecord:
    record = LogRecord(
        time_unix_nano=nanoseconds(row["time"]),
        observed_time_unix_nano=nanoseconds(row["observed"]),
        severity_number=row["severity"],
        severity_text=_SEVERITIES[min(max(row["severity"] - 1, 0) // 4, 5)],
        trace_id=bytes.fromhex(row["trace_id"] or ""),
        span_id=bytes.fromhex(row["span_id"] or ""),
    )
    record.body.string_value = row["body"]
    attributes |= {names[0]: row[column] for column, names in TEXTS.items() if row[column] is not None}
    if row["status"] is not None:
        attributes[STATUS[0]] = row["status"]
    if row["duration_ms"] is not None:
        attributes["duration_ms"] = float(row["duration_ms"])
    set_attributes(record.attributes, attributes)
    return record


def _span(row: Row, attributes: dict[str, Any]) -> Span:
    kind: Any = KINDS.index(row["kind"], 1)
    status: Any = STATUSES.index(row["status"])
    began = nanoseconds(row["time"])
    span = Span(
        trace_id=bytes.fromhex(row["trace_id"]),
        span_id=bytes.fromhex(row["span_id"]),
        parent_span_id=bytes.fromhex(row["parent_id"] or ""),
        name=row["name"],
        kind=kind,
        start_time_unix_nano=began,
        end_time_unix_nano=began + row["duration_us"] * 1000,
        trace_state=_text(attributes, STATE),
    )
    span.status.CopyFrom(Status(code=status, message=_text(attributes, DESCRIPTION)))
    set_attributes(span.attributes, attributes)
    for told in orjson.loads(row["events"]) if row["events"] else ():
        event = span.events.add(name=told["name"])
        if told["time"]:
            event.time_unix_nano = nanoseconds(datetime.fromisoformat(told["time"]))
        set_attributes(event.attributes, told["attributes"])
    for told in orjson.loads(row["links"]) if row["links"] else ():
        span.links.add(trace_id=bytes.fromhex(told["trace_id"]), span_id=bytes.fromhex(told["span_id"]))
    return span


def set_resource(resource: Any, row: Row) -> None:
    """Whose it is."""
    names = {"service.name": "service", "service.instance.id": "instance", "service.version": "release"}
    set_attributes(resource.attributes, {name: row[key] for name, key in names.items() if row.get(key)})


def set_attributes(attributes: Any, values: Mapping[str, Any]) -> None:
    """Plain values as a list of KeyValue."""
    for name, value in values.items():
        set_value(attributes.add(key=name).value, value)


def set_value(target: Any, value: Any) -> None:
    """A plain value as an AnyValue."""
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        if -LONGEST_INT <= value < LONGEST_INT:
            target.int_value = value
        else:
            target.double_value = float(value)
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, Mapping):
        target.kvlist_value.SetInParent()
        set_attributes(target.kvlist_value.values, value)
    elif value is not None:
        target.array_value.SetInParent()
        for inner in value:
            set_value(target.array_value.values.add(), inner)


def nanoseconds(when: datetime) -> int:
    """A time as OTLP has it: nanoseconds since the epoch."""
    return int(when.timestamp()) * 1_000_000_000 + when.microsecond * 1000
