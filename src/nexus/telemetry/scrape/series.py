"""Every series that is current, and the bounds that keep one broken label from filling the machine.

A target (one instance) may have so many series, all targets together so many; further ones are dropped,
counted, and the label that explodes is found from a sample of them.
"""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

import orjson
import pyarrow as pa

from nexus.telemetry.masking import mask_label
from nexus.telemetry.records import POINTS
from nexus.telemetry.scrape.sample import Kind, Sample

STALE_AFTER = 300.0  # seconds, as Prometheus looks back
SPARE = 1_000  # series of our own making that fit beyond the limits
OTHER = "other"


@dataclass(frozen=True)
class Limits:
    """`value`: characters of a label's value; `labels`: labels of a series; `named`: metrics that are told
    apart when series are dropped; `examined`: dropped series of a metric whose labels are looked at;
    `targets`: instances that may send metrics by themselves.
    """

    target: int = 5_000
    total: int = 100_000
    value: int = 256
    labels: int = 40
    named: int = 50
    examined: int = 500
    targets: int = 1_000


class Series:
    """A metric with its labels (the text of a JSON object, sorted keys) and its newest value. `time` is in
    seconds since the epoch.
    """

    __slots__ = ("kind", "labels", "name", "time", "value")

    def __init__(self, name: str, labels: str, kind: Kind) -> None:
        self.name = name
        self.labels = labels
        self.kind = kind
        self.value = 0.0
        self.time = 0.0


class Drop:
    """What was dropped of one metric of one service, and by which label it explodes."""

    __slots__ = ("_values", "count", "examined")

    def __init__(self) -> None:
        self.count = 0
        self.examined = 0
        self._values: dict[str, set[str]] = {}

    def examine(self, labels: Mapping[str, str]) -> None:
        self.examined += 1
        for name, value in labels.items():
            self._values.setdefault(name, set()).add(value)

    @property
    def label(self) -> str:
        """The label with the most values among the series examined."""
        return max(self._values, key=lambda name: len(self._values[name]), default="")


class Target:
    """The series of one instance; `known` holds them by how they were told, so that an old one costs one
    look-up.
    """

    def __init__(self, registry: Registry, service: str, instance: str) -> None:
        self._registry = registry
        self.service = service
        self.instance = instance
        self.known: dict[Hashable, Series] = {}
        self.kinds: dict[str, str] = {}  # of families, as the target tells them
        self.own_labels = {"service": service, "instance": instance} if instance else {"service": service}

    def full(self, spare: int = 0) -> bool:
        """Whether no further series fits, not even `spare` beyond the limits."""
        limits = self._registry.limits
        return len(self.known) >= limits.target + spare or self._registry.count >= limits.total + spare

    def observe(self, samples: Iterable[Sample], at: float) -> None:
        """Takes in what we measured at `at` (seconds since the epoch)."""
        for sample in samples:
            key = (sample.name, *sample.labels.values())
            series = self.known.get(key) or self.add(key, sample.name, sample.labels, sample.kind, SPARE)
            if series is not None:
                self.set(series, sample.value, at)

    def set(self, series: Series, value: float, at: float) -> None:
        """The newest value of a series; a second one of the same moment is not taken."""
        if series.time != at:
            series.value = value
            series.time = at
            self._registry.touched.append(series)

    def add(
        self, key: Hashable, name: str, labels: Mapping[str, str], kind: Kind, spare: int = 0
    ) -> Series | None:
        """A new series, or None when there is no room for it."""
        if self.full(spare):
            self.drop(name, labels)
            return None
        series = Series(name, self._text(labels), kind)
        self.known[key] = series
        self._registry.count += 1
        return series

    def drop(self, name: str, labels: Mapping[str, str] | None = None, count: int = 1) -> None:
        """Counts series that found no room; with `labels` they help to find the one that explodes."""
        self._registry.drop(self.service, name, labels, count)

    def examines(self, name: str) -> bool:
        """Whether the labels of a further dropped series of this metric are still of interest."""
        return self._registry.examines(self.service, name)

    def _text(self, labels: Mapping[str, str]) -> str:
        merged = dict(self.own_labels)
        for label, value in list(labels.items())[: self._registry.limits.labels]:
            if label in self.own_labels:
                if value == self.own_labels[label]:
                    continue
                label = f"exported_{label}"
            merged[label] = shortened(mask_label(label, value), self._registry.limits.value)
        return orjson.dumps(merged, option=orjson.OPT_SORT_KEYS).decode()


class Registry:
    """All targets. Not for several threads at once."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.targets: dict[tuple[str, str], Target] = {}
        self.helps: dict[str, str] = {}
        self.count = 0
        self.touched: list[Series] = []
        self.drops: dict[tuple[str, str], Drop] = {}

    def target(self, service: str, instance: str) -> Target:
        """The series of an instance ("" for what a service has as a whole)."""
        key = (service, instance)
        if key not in self.targets:
            self.targets[key] = Target(self, service, instance)
        return self.targets[key]

    def help(self, family: str, text: str) -> None:
        """Remembers what a metric means."""
        if family not in self.helps and len(self.helps) < self.limits.target:
            self.helps[family] = text[: self.limits.value]

    def examines(self, service: str, name: str) -> bool:
        drop = self.drops.get((service, name))
        return (drop is None and len(self.drops) < self.limits.named) or (
            drop is not None and drop.examined < self.limits.examined
        )

    def drop(self, service: str, name: str, labels: Mapping[str, str] | None, count: int) -> None:
        if (service, name) not in self.drops and len(self.drops) >= self.limits.named:
            name = OTHER
            if (service, name) not in self.drops and len(self.drops) >= 2 * self.limits.named:
                service = OTHER
        drop = self.drops.setdefault((service, name), Drop())
        drop.count += count
        if labels is not None and drop.examined < self.limits.examined:
            drop.examine({key: shortened(value, self.limits.value) for key, value in labels.items()})

    def current(self, now: float | None = None) -> list[Series]:
        """What was seen within the last five minutes."""
        oldest = (time.time() if now is None else now) - STALE_AFTER
        return [
            series
            for target in list(self.targets.values())
            for series in list(target.known.values())
            if series.time > oldest
        ]

    def expire(self, now: float) -> None:
        """Forgets what has not been seen for five minutes, so that others find room."""
        oldest = now - STALE_AFTER
        for key, target in list(self.targets.items()):
            target.known = {told: series for told, series in target.known.items() if series.time > oldest}
            if not target.known:
                del self.targets[key]
        self.count = sum(len(target.known) for target in self.targets.values())

    def take(self) -> pa.Table | None:
        """What was observed since the last call, as points; None when nothing was."""
        touched, self.touched = self.touched, []
        if not touched:
            return None
        return pa.table(
            [
                pa.array([int(series.time * 1e6) for series in touched], pa.int64()).cast(
                    POINTS.field(0).type
                ),
                pa.array([series.name for series in touched], pa.string()),
                pa.array([series.labels for series in touched], pa.string()),
                pa.array([series.kind for series in touched], pa.string()),
                pa.array([series.value for series in touched], pa.float64()),
            ],
            schema=POINTS,
        )

    def facts(self) -> dict[str, object]:
        """How many series there are, and what was dropped of which metric because of which label."""
        by_service: Counter[str] = Counter()
        for target in self.targets.values():
            by_service[target.service] += len(target.known)
        return {
            "series": self.count,
            "series_by_service": dict(by_service),
            "dropped": [
                {"service": service, "metric": metric, "label": drop.label, "count": drop.count}
                for (service, metric), drop in self.drops.items()
            ],
        }


def shortened(value: str, limit: int) -> str:
    """A label's value within the limit; what is cut off still tells two values apart."""
    if len(value) <= limit:
        return value
    return f"{value[: limit - 9]}…{zlib.crc32(value.encode('utf-8', 'surrogatepass')):08x}"
