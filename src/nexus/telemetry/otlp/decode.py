"""Payloads of OTLP as batches of the store's shapes, for whoever has the bytes at hand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from nexus.telemetry.masking_columns import mask_attributes, mask_texts
from nexus.telemetry.otlp.logs import log_records
from nexus.telemetry.otlp.messages import PROTOBUF, OtlpSignal, parse
from nexus.telemetry.otlp.metrics import Metrics
from nexus.telemetry.otlp.traces import spans
from nexus.telemetry.records import SCHEMAS

# Columns in which somebody may have written what nobody may read.
_TEXTS = ("body", "method", "path", "route", "name", "service", "instance", "release")
_OBJECTS = ("attributes", "events")


def decode_traces(payload: bytes, content_type: str = PROTOBUF, encoding: str = "") -> pa.Table:
    """The spans of an export request, masked, as `records.SPANS`.

    Raises:
        Undecodable: the bytes are no such request.
    """
    return masked(spans(parse("traces", payload, content_type, encoding)).table())


def decode_logs(payload: bytes, content_type: str = PROTOBUF, encoding: str = "") -> pa.Table:
    """The records of an export request, masked, as `records.LOGS`.

    Raises:
        Undecodable: the bytes are no such request.
    """
    return masked(log_records(parse("logs", payload, content_type, encoding)).table())


def decode_metrics(payload: bytes, content_type: str = PROTOBUF, encoding: str = "") -> pa.Table:
    """The points of an export request as `records.POINTS`.

    Raises:
        Undecodable: the bytes are no such request.
    """
    return Metrics().take(parse("metrics", payload, content_type, encoding))[0]


def masked(table: pa.Table) -> pa.Table:
    """Spans or logs with secrets and personal numbers masked."""
    for names, mask in ((_TEXTS, mask_texts), (_OBJECTS, mask_attributes)):
        for name in names:
            index = table.schema.get_field_index(name)
            if index >= 0 and table.num_rows:
                column = table.column(index).combine_chunks()
                table = table.set_column(index, table.schema.field(index), mask(column))
    return table


class Taker:
    """Turns requests into rows, metrics within bounds. Not for several threads at once."""

    def __init__(self) -> None:
        self.metrics = Metrics()

    def take(self, signal: OtlpSignal, message: Any) -> tuple[pa.Table, Counter[str], str]:
        """The rows, not yet masked; how many were refused by reason; what is to be said beside."""
        if signal == "metrics":
            return self.metrics.take(message)
        batch = spans(message) if signal == "traces" else log_records(message)
        return batch.table(), +Counter({batch.why: batch.refused}), ""

    def empty(self, signal: OtlpSignal) -> pa.Table:
        """No rows of a signal."""
        return SCHEMAS[signal].empty_table()
