"""Points of the store -> metrics of OTLP. Buckets, sum and count of a histogram become one point again.

The store keeps what changed; the other parts of a histogram are as they were told last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    HistogramDataPoint,
    NumberDataPoint,
    SummaryDataPoint,
)

from nexus.telemetry.otlp.encode import (
    UNTELLABLE,
    Encoded,
    Row,
    nanoseconds,
    set_attributes,
    set_resource,
)

SCOPE = "nexus.telemetry"
MOST = 20_000  # histograms and summaries that are remembered
LARGEST_COUNT = 1 << 63
_PARTS = ("_bucket", "_sum", "_count")


@dataclass
class _Distribution:
    """What is known of one histogram or summary."""

    labels: dict[str, str]
    parts: dict[str, float] = field(default_factory=dict)
    marks: dict[float, float] = field(default_factory=dict)


class _Request:
    """A request in the making: one resource for each instance, one metric for each name in it."""

    def __init__(self) -> None:
        self.message = ExportMetricsServiceRequest()
        self._scopes: dict[tuple[str, str], Any] = {}
        self._metrics: dict[tuple[str, ...], Any] = {}

    def metric(self, form: str, name: str, labels: Mapping[str, str]) -> Any:
        """The metric of a form (gauge, sum, histogram, summary) that a point with these labels belongs to."""
        owner = (labels.get("service", ""), labels.get("instance", ""))
        if owner not in self._scopes:
            group = self.message.resource_metrics.add()
            set_resource(group.resource, {"service": owner[0], "instance": owner[1]})
            self._scopes[owner] = group.scope_metrics.add()
            self._scopes[owner].scope.name = SCOPE
        key = (*owner, name, form)
        if key not in self._metrics:
            self._metrics[key] = self._scopes[owner].metrics.add(name=name)
        return getattr(self._metrics[key], form)


class PointEncoder:
    """Encodes rows of `records.POINTS` in the order in which they were stored; times are datetimes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], _Distribution] = {}

    def encode(self, rows: Iterable[Row]) -> Encoded:
        """One request with all rows."""
        request = _Request()
        encoded = Encoded(request.message)
        if len(self._known) > MOST:
            self._known.clear()
        for when, members in groupby(sorted(rows, key=_time), key=_time):
            changed: dict[tuple[str, ...], list[_Distribution]] = {}
            for row in members:
                try:
                    self._take(request, row, changed)
                except UNTELLABLE as error:
                    encoded.refuse(error)
            for (kind, name, *_), told in changed.items():
                try:
                    (_histogram if kind == "histogram" else _summary)(request, name, told[-1], when)
                except UNTELLABLE as error:
                    encoded.refuse(error, len(told))
        return encoded

    def _take(self, request: _Request, row: Row, changed: dict[tuple[str, ...], list[_Distribution]]) -> None:
        labels = orjson.loads(row["labels"])
        if row["kind"] in ("histogram", "summary"):
            key = _key(row, labels)
            told = self._learn(key, row, labels)
            changed.setdefault(key, []).append(told)
        else:
            _number(request, row, labels)

    def _learn(self, key: tuple[str, ...], row: Row, labels: dict[str, str]) -> _Distribution:
        le, quantile = labels.pop("le", None), labels.pop("quantile", None)
        bound = quantile if le is None else le
        mark = None if bound is None else float(bound)
        part = row["name"].removeprefix(key[1])
        if mark is not None and math.isnan(mark):
            raise ValueError(f"{row['name']}: a bucket needs a bound")
        if (le is not None or part == "_count") and not 0 <= row["value"] < LARGEST_COUNT:
            raise ValueError(f"{row['name']}: {row['value']} is no count")
        told = self._known.setdefault(key, _Distribution(labels))
        if mark is not None:
            told.marks[mark] = row["value"]
        else:
            told.parts[part] = row["value"]
        return told


def _time(row: Row) -> datetime:
    when: datetime = row["time"]
    return when


def _key(row: Row, labels: dict[str, str]) -> tuple[str, ...]:
    rest = (f"{name}={value}" for name, value in sorted(labels.items()) if name not in ("le", "quantile"))
    return (row["kind"], family(row["name"]), *rest)


def family(name: str) -> str:
    """The name that the parts of a histogram or summary share."""
    return next((name.removesuffix(suffix) for suffix in _PARTS if name.endswith(suffix)), name)


def _number(request: _Request, row: Row, labels: dict[str, str]) -> None:
    point = NumberDataPoint(as_double=row["value"])
    _set(point, row["time"], labels)
    if row["kind"] == "counter":
        metric = request.metric("sum", row["name"], labels)
        metric.is_monotonic = True
        metric.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    else:
        metric = request.metric("gauge", row["name"], labels)
    metric.data_points.append(point)


def _histogram(request: _Request, name: str, told: _Distribution, when: datetime) -> None:
    if math.inf not in told.marks:
        return  # not all of it is known yet
    point = HistogramDataPoint()
    _set(point, when, told.labels)
    before = 0
    for bound, below in sorted(told.marks.items()):
        point.bucket_counts.append(max(0, int(below) - before))
        before = max(before, int(below))
        if bound != math.inf:
            point.explicit_bounds.append(bound)
    point.count = before
    if "_sum" in told.parts:
        point.sum = told.parts["_sum"]
    metric = request.metric("histogram", name, told.labels)
    metric.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    metric.data_points.append(point)


def _summary(request: _Request, name: str, told: _Distribution, when: datetime) -> None:
    if "_count" not in told.parts:
        return  # not all of it is known yet
    point = SummaryDataPoint(count=int(told.parts["_count"]), sum=told.parts.get("_sum", 0.0))
    _set(point, when, told.labels)
    for quantile, value in sorted(told.marks.items()):
        point.quantile_values.add(quantile=quantile, value=value)
    request.metric("summary", name, told.labels).data_points.append(point)


def _set(point: Any, when: datetime, labels: Mapping[str, str]) -> None:
    """When it was, and its labels but those that say whose it is."""
    point.time_unix_nano = nanoseconds(when)
    owner = ("service", "instance")
    set_attributes(point.attributes, {name: value for name, value in labels.items() if name not in owner})
