"""PromQL's aggregations, and quantiles of histograms."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import itemgetter

from nexus.telemetry.query.promql.ranges import quantile
from nexus.telemetry.query.promql.vectors import Labels, Vector, nameless, without

_FOLDS: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
}
AGGREGATIONS = (*_FOLDS, "topk", "bottomk", "quantile")


def aggregate(op: str, vector: Vector, key: Callable[[Labels], Labels], parameter: float) -> Vector:
    """Fold the elements that share a key. `parameter` is topk's and bottomk's number, quantile's quantile."""
    groups: dict[Labels, Vector] = {}
    for labels, value in vector.items():
        groups.setdefault(key(labels), {})[labels] = value
    if op in ("topk", "bottomk"):
        return {
            labels: value
            for group in groups.values()
            for labels, value in _first(group, int(parameter), largest=op == "topk")
        }
    if op == "quantile":
        return {key_: quantile(parameter, list(group.values())) for key_, group in groups.items()}
    return {key_: _FOLDS[op](list(group.values())) for key_, group in groups.items()}


def _first(group: Vector, count: int, largest: bool) -> list[tuple[Labels, float]]:
    known = [item for item in group.items() if not math.isnan(item[1])]
    unknown = [item for item in group.items() if math.isnan(item[1])]
    return (sorted(known, key=itemgetter(1), reverse=largest) + unknown)[: max(count, 0)]


def histogram_quantile(q: float, vector: Vector) -> Vector:
    """The quantile of each histogram whose buckets (label `le`) are in the vector."""
    histograms: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in vector.items():
        try:
            bound = float(dict(labels)["le"])
        except (KeyError, ValueError):
            continue
        histograms.setdefault(without(nameless(labels), ("le",)), []).append((bound, value))
    return {labels: _of_buckets(q, sorted(buckets)) for labels, buckets in histograms.items()}


def _of_buckets(q: float, buckets: list[tuple[float, float]]) -> float:
    if math.isnan(q) or len(buckets) < 2 or not math.isinf(buckets[-1][0]):
        return math.nan
    if q < 0 or q > 1:
        return math.copysign(math.inf, q - 0.5)
    counts: list[float] = []
    for _, count in buckets:
        counts.append(max(count, counts[-1]) if counts else count)
    if not counts[-1]:
        return math.nan
    rank = q * counts[-1]
    place = next(place for place, count in enumerate(counts) if count >= rank)
    if place == len(buckets) - 1:
        return buckets[-2][0]
    upper = buckets[place][0]
    if place == 0 and upper <= 0:
        return upper
    lower, below = (buckets[place - 1][0], counts[place - 1]) if place else (0.0, 0.0)
    inside = counts[place] - below
    return lower + (upper - lower) * (rank - below) / inside if inside else upper
