"""Metrics of OTLP -> points of the store, under the names that Prometheus gives them.

Source: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from nexus.telemetry.otlp.attributes import Origin, flattened, origin
from nexus.telemetry.records import POINTS
from nexus.telemetry.scrape.sample import Kind
from nexus.telemetry.scrape.series import Limits, Registry, Series, Target, shortened

EXPIRE_EVERY = 60.0  # seconds
DELTA, CUMULATIVE = 1, 2  # AggregationTemporality
NO_VALUE = 1  # DataPointFlags
# Units (UCUM) as Prometheus spells them.
UNITS = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "%": "percent",
}
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_:]+")
_NOT_IN_LABELS = re.compile(r"[^a-zA-Z0-9_]+")
_NO_DELTAS = "deltas are not kept: export cumulative sums and histograms (OTLP's default)"
_NO_ROOM = "there are more series than may be kept: use fewer values of labels"
_NO_INSTANCE = "more instances send metrics than may be kept apart"
_NO_EXPONENTIAL = "of exponential histograms only sum and count are kept"

Values = Iterator[tuple[str, dict[str, str], float, Kind]]


class Metrics:
    """Takes metrics in within the same bounds as scraped ones."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.registry = Registry(limits)
        self._expired = time.time()

    def take(self, message: Any, now: float | None = None) -> tuple[pa.Table, Counter[str], str]:
        """The points of an ExportMetricsServiceRequest, how many were refused by reason, and what is to be
        said beside. What a sender dates into the future of `now` (seconds since the epoch) is of now.
        """
        now = time.time() if now is None else now
        self._expire(now)
        refused: Counter[str] = Counter()
        said = ""
        for group in message.resource_metrics:
            target = self._target(origin(group.resource))
            for scope in group.scope_metrics:
                for metric in scope.metrics:
                    if target is None:
                        refused[_NO_INSTANCE] += _points(metric)
                    else:
                        said = self._metric(target, metric, now, refused) or said
        points = self.registry.take()
        return POINTS.empty_table() if points is None else points, +refused, said

    def latest(self) -> list[Series]:
        """Every series of the last five minutes."""
        return self.registry.current()

    def _expire(self, now: float) -> None:
        if not 0 <= now - self._expired < EXPIRE_EVERY:
            self._expired = now
            self.registry.expire(now)

    def _target(self, owner: Origin) -> Target | None:
        """Whose series they are; None when there is no room for one more."""
        limits = self.registry.limits
        key = (shortened(owner.service, limits.value), shortened(owner.instance, limits.value))
        if key not in self.registry.targets and len(self.registry.targets) >= limits.targets:
            return None
        return self.registry.target(*key)

    def _metric(self, target: Target, metric: Any, now: float, refused: Counter[str]) -> str:
        form = metric.WhichOneof("data")
        if form is None:
            return ""
        data = getattr(metric, form)
        if getattr(data, "aggregation_temporality", CUMULATIVE) == DELTA:
            refused[_NO_DELTAS] += len(data.data_points)
            return ""
        counts = form == "sum" and data.is_monotonic
        name = prometheus_name(metric.name, metric.unit, counts)
        self.registry.help(name, metric.description)
        for point in data.data_points:
            if not point.flags & NO_VALUE:
                at = min(point.time_unix_nano / 1e9 or now, now)
                refused[_NO_ROOM] += not self._point(target, name, form, counts, point, at)
        return _NO_EXPONENTIAL if form == "exponential_histogram" else ""

    def _point(self, target: Target, name: str, form: str, counts: bool, point: Any, at: float) -> bool:
        """Whether all of it found room."""
        labels = {
            _NOT_IN_LABELS.sub("_", key): value if isinstance(value, str) else str(value)
            for key, value in flattened(point.attributes).items()
        }
        whole = True
        for told, more, value, kind in _values(name, form, counts, point):
            merged = {**labels, **more}
            key = (told, *merged.items())
            series = target.known.get(key) or target.add(key, told, merged, kind)
            if series is None:
                whole = False
            else:
                target.set(series, value, at)
        return whole


def _points(metric: Any) -> int:
    form = metric.WhichOneof("data")
    return len(getattr(metric, form).data_points) if form else 0


def _values(name: str, form: str, counts: bool, point: Any) -> Values:
    if form in ("gauge", "sum"):
        kind = point.WhichOneof("value")
        yield name, {}, float(getattr(point, kind)) if kind else 0.0, "counter" if counts else "gauge"
        return
    kind_: Kind = "summary" if form == "summary" else "histogram"
    yield f"{name}_count", {}, float(point.count), kind_
    yield f"{name}_sum", {}, float(point.sum), kind_
    if form == "histogram":
        below = 0
        for bound, count in zip((*point.explicit_bounds, math.inf), point.bucket_counts, strict=False):
            below += count
            yield f"{name}_bucket", {"le": "+Inf" if bound == math.inf else repr(bound)}, below, kind_
    elif form == "summary":
        for quantile in point.quantile_values:
            yield name, {"quantile": repr(quantile.quantile)}, quantile.value, kind_


def prometheus_name(name: str, unit: str, counts: bool) -> str:
    """A metric's name as Prometheus would have it: with its unit, and `_total` for what only grows."""
    told = _NOT_IN_NAMES.sub("_", name).strip("_")
    if not told or told[0].isdigit():
        told = f"_{told}"
    suffix = UNITS.get(unit, "")
    if suffix and not told.removesuffix("_total").endswith(suffix):
        told = f"{told.removesuffix('_total')}_{suffix}"
    return f"{told}_total" if counts and not told.endswith("_total") else told
