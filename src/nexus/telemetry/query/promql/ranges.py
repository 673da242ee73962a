"""PromQL's functions over a range of samples: (times, values, start, end) → value, None for too few samples.

Semantics: https://prometheus.io/docs/prometheus/latest/querying/functions/
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

Range = Callable[[list[float], list[float], float, float], float | None]


def quantile(q: float, values: list[float]) -> float:
    """Prometheus' quantile: linear between the two nearest ranks."""
    if not values or math.isnan(q):
        return math.nan
    if q < 0 or q > 1:
        return math.copysign(math.inf, q - 0.5)
    ordered = sorted(values)
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] * (1 - (rank - low)) + ordered[high] * (rank - low)


def _resets(values: list[float]) -> float:
    """What a counter had counted before each of its resets."""
    return sum(before for before, after in pairwise(values) if after < before)


def _extrapolated(counter: bool, per_second: bool) -> Range:
    """The increase over the samples, extended to the range's bounds where these are near.

    As Prometheus does: to the bound when it is less than 1.1 mean distances away, else half a mean distance;
    never to before a counter's zero.
    """

    def increase(times: list[float], values: list[float], start: float, end: float) -> float | None:
        if len(values) < 2:
            return None
        grown = values[-1] - values[0] + (_resets(values) if counter else 0.0)
        covered = times[-1] - times[0]
        distance = covered / (len(values) - 1)
        before, after = times[0] - start, end - times[-1]
        before = before if before < 1.1 * distance else distance / 2
        after = after if after < 1.1 * distance else distance / 2
        if counter and grown > 0 and values[0] >= 0:
            before = min(before, covered * values[0] / grown)
        whole = grown * (covered + before + after) / covered
        return whole / (end - start) if per_second else whole

    return increase


def _irate(times: list[float], values: list[float], start: float, end: float) -> float | None:
    if len(values) < 2:
        return None
    grown = values[-1] if values[-1] < values[-2] else values[-1] - values[-2]
    return grown / (times[-1] - times[-2])


def _over(function: Callable[[list[float]], float]) -> Range:
    return lambda times, values, start, end: function(values) if values else None


def quantile_over(q: float) -> Range:
    """quantile_over_time for one quantile."""
    return _over(lambda values: quantile(q, values))


RANGES: dict[str, Range] = {
    "rate": _extrapolated(counter=True, per_second=True),
    "increase": _extrapolated(counter=True, per_second=False),
    "delta": _extrapolated(counter=False, per_second=False),
    "irate": _irate,
    "avg_over_time": _over(lambda values: math.fsum(values) / len(values)),
    "sum_over_time": _over(math.fsum),
    "min_over_time": _over(min),
    "max_over_time": _over(max),
    "count_over_time": _over(lambda values: float(len(values))),
    "last_over_time": _over(lambda values: values[-1]),
}
KEEP_NAME = ("last_over_time",)
