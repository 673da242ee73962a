"""Figures as points of the signal `business`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
import pyarrow as pa

from nexus.telemetry.records import POINTS


@dataclass(frozen=True, slots=True)
class Point:
    """One value. `labels` is the text of a JSON object with sorted keys, `time` seconds since the epoch."""

    name: str
    labels: str
    kind: Literal["counter", "gauge"]
    value: float
    time: float


def label_text(labels: Mapping[str, str]) -> str:
    """The labels of a series as they are kept."""
    return orjson.dumps(dict(labels), option=orjson.OPT_SORT_KEYS).decode()


def table(points: Sequence[Point]) -> pa.Table:
    """The points as the store takes them."""
    times = pa.array([round(point.time * 1e6) for point in points], pa.int64())
    return pa.table(
        [
            times.cast(POINTS.field("time").type),
            pa.array([point.name for point in points], pa.string()),
            pa.array([point.labels for point in points], pa.string()),
            pa.array([point.kind for point in points], pa.string()),
            pa.array([point.value for point in points], pa.float64()),
        ],
        schema=POINTS,
    )
