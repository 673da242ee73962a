"""The shapes in which telemetry travels from collection to the store: Arrow schemas, one a signal.

Times are UTC. Trace ids are 32 and span ids 16 lower-case hexadecimal digits, or null. `attributes` is the
text of a JSON object with whatever has no column of its own ("" for none); its keys are OpenTelemetry's where
that has a name for the thing.
"""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa

Signal = Literal["logs", "traces", "metrics", "health", "business"]
SIGNALS: tuple[Signal, ...] = ("logs", "traces", "metrics", "health", "business")


def _schema(*fields: pa.Field[Any]) -> pa.Schema:
    return pa.schema(fields)


_TIME = pa.timestamp("us", tz="UTC")
_TEXT = pa.string()

# Severity numbers of OpenTelemetry's log data model (lowest of each range).
TRACE, DEBUG, INFO, WARN, ERROR, FATAL = 1, 5, 9, 13, 17, 21
SEVERITIES = {"trace": TRACE, "debug": DEBUG, "info": INFO, "warn": WARN, "error": ERROR, "fatal": FATAL}

LOGS = _schema(
    pa.field("time", _TIME, nullable=False),  # when it happened, by its writer's clock
    pa.field("observed", _TIME, nullable=False),  # when it was collected, by ours
    pa.field("severity", pa.int8(), nullable=False),
    pa.field("service", _TEXT, nullable=False),
    pa.field("instance", _TEXT, nullable=False),  # "" when the writer does not say
    pa.field("release", _TEXT, nullable=False),
    pa.field("body", _TEXT, nullable=False),
    pa.field("trace_id", _TEXT),
    pa.field("span_id", _TEXT),
    # What requests have in common, so that a question about them reads columns and no JSON.
    pa.field("method", _TEXT),
    pa.field("path", _TEXT),
    pa.field("route", _TEXT),
    pa.field("status", pa.int16()),
    pa.field("duration_ms", pa.float32()),
    pa.field("attributes", _TEXT, nullable=False),
)

SPANS = _schema(
    pa.field("time", _TIME, nullable=False),  # its start
    pa.field("duration_us", pa.int64(), nullable=False),
    pa.field("trace_id", _TEXT, nullable=False),
    pa.field("span_id", _TEXT, nullable=False),
    pa.field("parent_id", _TEXT),
    pa.field("service", _TEXT, nullable=False),
    pa.field("instance", _TEXT, nullable=False),
    pa.field("release", _TEXT, nullable=False),
    pa.field("name", _TEXT, nullable=False),
    pa.field("kind", _TEXT, nullable=False),  # internal | server | client | producer | consumer
    pa.field("status", _TEXT, nullable=False),  # unset | ok | error
    pa.field("attributes", _TEXT, nullable=False),
    pa.field("events", _TEXT, nullable=False),  # JSON list of {time, name, attributes}, "" for none
    pa.field("links", _TEXT, nullable=False),  # JSON list of {trace_id, span_id}, "" for none
)

# Metrics, and figures of the business. `labels` is the text of a JSON object with sorted keys; a series is a
# name with its labels. Where it was read from is among the labels: `service`, `instance`.
POINTS = _schema(
    pa.field("time", _TIME, nullable=False),
    pa.field("name", _TEXT, nullable=False),
    pa.field("labels", _TEXT, nullable=False),
    pa.field("kind", _TEXT, nullable=False),  # counter | gauge | histogram | summary | untyped
    pa.field("value", pa.float64(), nullable=False),
)

HEALTH = _schema(
    pa.field("time", _TIME, nullable=False),
    pa.field("service", _TEXT, nullable=False),
    pa.field("instance", _TEXT, nullable=False),
    pa.field("question", _TEXT, nullable=False),  # live | ready | business
    pa.field("ok", pa.bool_(), nullable=False),
    pa.field("duration_ms", pa.float32(), nullable=False),
    pa.field("detail", _TEXT, nullable=False),  # the answer's JSON, or why there was none
)

SCHEMAS: dict[Signal, pa.Schema] = {
    "logs": LOGS,
    "traces": SPANS,
    "metrics": POINTS,
    "health": HEALTH,
    "business": POINTS,
}
