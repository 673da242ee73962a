"""Figures as points of the signal `business`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pyarrow as pa

from nexus.business.point import Point
from nexus.telemetry.records import POINTS
from nexus.telemetry.store import Store
from nexus.telemetry.store.days import Day
from nexus.telemetry.store.layout import view


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


def ask_points(store: Store, days: Sequence[Day], sql: str) -> list[tuple[Any, ...]]:
    """Ask the relation `points`: the points of all these days at once, each with its number `seq`."""
    if not days:
        return []
    with ExitStack() as files:
        opened = [files.enter_context(store.reading(day)) for day in days]
        points = " UNION ALL ".join(f"({view('business', db)})" for _, db in opened)
        return opened[0][0].execute(f"WITH points AS ({points}) {sql}").fetchall()
