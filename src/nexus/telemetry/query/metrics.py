"""Metrics and figures of the business, asked in PromQL.

Supported: selectors with every matcher and `offset`; rate, irate, increase, delta; avg, min, max, sum, count,
last and quantile `_over_time`; sum, avg, min, max, count, topk, bottomk, quantile with by/without;
histogram_quantile; arithmetic, comparison (also bool), and/or/unless with on/ignoring/group_left/group_right;
abs, round, clamp_min, clamp_max, time(), vector(), scalar(). Everything else is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.query.promql import Evaluation, Labels, Vector
from nexus.telemetry.store import Store

_STEPS = 11_000


@dataclass
class Series:
    """One line of a plot: its labels (the metric's name is `__name__`), and (epoch seconds, value)."""

    labels: dict[str, str]
    points: list[tuple[float, float]] = field(default_factory=list)


def metrics(
    store: Store, text: str, start: float | datetime, end: float | datetime, step: float
) -> list[Series]:
    """Evaluate a PromQL expression at `start`, and every `step` s until `end`.

    Raises QueryError when the expression is faulty or the times are.
    """
    first, last = _epoch(start), _epoch(end)
    if step <= 0 or last < first or (last - first) / step > _STEPS:
        raise QueryError(
            f"from {first:g} to {last:g} every {step:g} s is no more than {_STEPS} steps forward"
        )
    evaluation = Evaluation(store, text, first, last)
    found: dict[Labels, Series] = {}
    for number in range(int((last - first) / step) + 1):
        time = first + number * step
        for labels, value in _vector(evaluation, time).items():
            found.setdefault(labels, Series(dict(labels))).points.append((time, value))
    return list(found.values())


def instant(store: Store, text: str, at: float | datetime) -> list[tuple[dict[str, str], float]]:
    """Evaluate a PromQL expression at one time. Raises QueryError when it is faulty."""
    time = _epoch(at)
    return [
        (dict(labels), value) for labels, value in _vector(Evaluation(store, text, time, time), time).items()
    ]


def _vector(evaluation: Evaluation, time: float) -> Vector:
    value = evaluation.at(time)
    return value if isinstance(value, dict) else {(): value}


def _epoch(time: float | datetime) -> float:
    return time.timestamp() if isinstance(time, datetime) else float(time)
