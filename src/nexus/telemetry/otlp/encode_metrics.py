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
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from nexus.telemetry.otlp.encode import Row, nanoseconds, set_attributes, set_resource

SCOPE = "nexus.telemetry"
_PARTS = ("_bucket", "_sum", "_count")


MOST = 20_000  # histograms and summaries that are remembered


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
        self._metrics: dict[tuple[str, str, str], Any] = {}

    def metric(self, name: str, labels: dict[str, str]) -> Any:
        """The metric that a point belongs to. Service and instance are taken out of its labels."""
        owner = (labels.pop("service", ""), labels.pop("instance", ""))
        if owner not in self._scopes:
            group = self.message.resource_metrics.add()
            set_resource(group.resource, {"service": owner[0], "instance": owner[1]})
            self._scopes[owner] = group.scope_metrics.add()
            self._scopes[owner].scope.name = SCOPE
        key = (*owner, name)
        if key not in self._metrics:
            self._metrics[key] = self._scopes[owner].metrics.add(name=name)
        return self._metrics[key]


class PointEncoder:
    """Encodes rows of `records.POINTS` in the order in which they were stored; times are datetimes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], _Distribution] = {}

    def encode(self, rows: Iterable[Row]) -> ExportMetricsServiceRequest:
        """One request with all rows."""
        request = _Request()
        if len(self._known) > MOST:
            self._known.clear()
        for when, members in groupby(sorted(rows, key=_time), key=_time):
            changed: dict[tuple[str, ...], _Distribution] = {}
            for row in members:
                labels = orjson.loads(row["labels"])
                if row["kind"] in ("histogram", "summary"):
                    key = _key(row, labels)
                    changed[key] = self._learn(key, row, labels)
                else:
                    _number(request, row, labels)
            for (kind, name, *_), told in changed.items():
                (_histogram if kind == "histogram" else _summary)(request, name, told, when)
        return request.message

    def _learn(self, key: tuple[str, ...], row: Row, labels: dict[str, str]) -> _Distribution:
        mark = labels.pop("le", None) or labels.pop("quantile", None)
        told = self._known.setdefault(key, _Distribution(labels))
        if mark is not None:
            told.marks[float(mark)] = row["value"]
        else:
            told.parts[row["name"].removeprefix(key[1])] = row["value"]
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
    metric = request.metric(row["name"], labels)
    if row["kind"] == "counter":
        metric.sum.is_monotonic = True
        metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
        point = metric.sum.data_points.add()
    else:
        point = metric.gauge.data_points.add()
    _set(point, row["time"], labels)
    point.as_double = row["value"]


def _histogram(request: _Request, name: str, told: _Distribution, when: datetime) -> None:
    if math.inf not in told.marks:
        return  # not all of it is known yet
    labels = dict(told.labels)
    metric = request.metric(name, labels)
    metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    point = metric.histogram.data_points.add()
    _set(point, when, labels)
    before = 0
    for bound, below in sorted(told.marks.items()):
        point.bucket_counts.append(max(0, int(below) - before))
        before = max(before, int(below))
        if bound != math.inf:
            point.explicit_bounds.append(bound)
    point.count = before
    if "_sum" in told.parts:
        point.sum = told.parts["_sum"]


def _summary(request: _Request, name: str, told: _Distribution, when: datetime) -> None:
    if "_count" not in told.parts:
        return  # not all of it is known yet
    labels = dict(told.labels)
    point = request.metric(name, labels).summary.data_points.add()
    _set(point, when, labels)
    point.count = int(told.parts["_count"])
    point.sum = told.parts.get("_sum", 0.0)
    for quantile, value in sorted(told.marks.items()):
        point.quantile_values.add(quantile=quantile, value=value)


def _set(point: Any, when: datetime, labels: Mapping[str, str]) -> None:
    point.time_unix_nano = nanoseconds(when)
    set_attributes(point.attributes, labels)
