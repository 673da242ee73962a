"""Rows of the store -> requests of OTLP: the way back of what was taken in, with nothing lost on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from nexus.telemetry.otlp.logs import STATUS, TEXTS
from nexus.telemetry.otlp.traces import KINDS, STATUSES

SCOPE = "otel.scope.name"
DESCRIPTION = "otel.status_description"
STATE = "w3c.tracestate"
LONGEST_INT = 1 << 63
_SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")

Row = Mapping[str, Any]


def encode_logs(rows: Iterable[Row]) -> ExportLogsServiceRequest:
    """Rows of `records.LOGS`; times are datetimes."""
    request = ExportLogsServiceRequest()
    scopes: dict[tuple[str, ...], Any] = {}
    for row in rows:
        attributes = orjson.loads(row["attributes"]) if row["attributes"] else {}
        scope = attributes.pop(SCOPE, "")
        key = (row["service"], row["instance"], row["release"], scope)
        if key not in scopes:
            group = request.resource_logs.add()
            set_resource(group.resource, row)
            scopes[key] = group.scope_logs.add()
            scopes[key].scope.name = scope
        record = scopes[key].log_records.add()
        record.time_unix_nano = nanoseconds(row["time"])
        record.observed_time_unix_nano = nanoseconds(row["observed"])
        record.severity_number = row["severity"]
        record.severity_text = _SEVERITIES[min(max(row["severity"] - 1, 0) // 4, 5)]
        record.body.string_value = row["body"]
        record.trace_id = bytes.fromhex(row["trace_id"] or "")
        record.span_id = bytes.fromhex(row["span_id"] or "")
        attributes |= {names[0]: row[column] for column, names in TEXTS.items() if row[column] is not None}
        if row["status"] is not None:
            attributes[STATUS[0]] = row["status"]
        if row["duration_ms"] is not None:
            attributes["duration_ms"] = float(row["duration_ms"])
        set_attributes(record.attributes, attributes)
    return request


def encode_spans(rows: Iterable[Row]) -> ExportTraceServiceRequest:
    """Rows of `records.SPANS`; times are datetimes."""
    request = ExportTraceServiceRequest()
    scopes: dict[tuple[str, ...], Any] = {}
    for row in rows:
        attributes = orjson.loads(row["attributes"]) if row["attributes"] else {}
        scope = attributes.pop(SCOPE, "")
        key = (row["service"], row["instance"], row["release"], scope)
        if key not in scopes:
            group = request.resource_spans.add()
            set_resource(group.resource, row)
            scopes[key] = group.scope_spans.add()
            scopes[key].scope.name = scope
        _set_span(scopes[key].spans.add(), row, attributes)
    return request


def _set_span(span: Any, row: Row, attributes: dict[str, Any]) -> None:
    span.trace_id = bytes.fromhex(row["trace_id"])
    span.span_id = bytes.fromhex(row["span_id"])
    span.parent_span_id = bytes.fromhex(row["parent_id"] or "")
    span.name = row["name"]
    span.kind = KINDS.index(row["kind"], 1)
    span.start_time_unix_nano = nanoseconds(row["time"])
    span.end_time_unix_nano = span.start_time_unix_nano + row["duration_us"] * 1000
    span.status.code = STATUSES.index(row["status"])
    span.status.message = attributes.pop(DESCRIPTION, "")
    span.trace_state = attributes.pop(STATE, "")
    set_attributes(span.attributes, attributes)
    for told in orjson.loads(row["events"]) if row["events"] else ():
        event = span.events.add(name=told["name"])
        if told["time"]:
            event.time_unix_nano = nanoseconds(datetime.fromisoformat(told["time"]))
        set_attributes(event.attributes, told["attributes"])
    for told in orjson.loads(row["links"]) if row["links"] else ():
        span.links.add(trace_id=bytes.fromhex(told["trace_id"]), span_id=bytes.fromhex(told["span_id"]))


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
