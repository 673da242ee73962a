"""Loads the points a selector asks for, and fills in those that were left out because nothing had changed."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import promql_parser as promql

from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.query.promql.vectors import NAME, Labels
from nexus.telemetry.records import Signal
from nexus.telemetry.store import DayGone, Store
from nexus.telemetry.store.points import REPEAT, UNCHANGED

MOST = 3_000_000  # points of one query, as memory allows
_SOURCES: tuple[tuple[Signal, float], ...] = (("metrics", UNCHANGED), ("business", 300.0))
_Points = dict[float, float]


@dataclass(frozen=True)
class Samples:
    """One series. `times` (s since the epoch) and `values` as stored; `filled_*` with what was left out.

    A value is gone `stale` seconds after the last stored point.
    """

    times: list[float]
    values: list[float]
    filled_times: list[float]
    filled_values: list[float]
    stale: float

    def at(self, time: float) -> float | None:
        """The value at a time, None where there is none."""
        place = bisect_right(self.times, time) - 1
        if place < 0 or time - self.times[place] >= self.stale:
            return None
        return self.values[place]

    def between(self, start: float, end: float) -> tuple[list[float], list[float]]:
        """Times and values within (start, end]."""
        low, high = bisect_right(self.filled_times, start), bisect_right(self.filled_times, end)
        return self.filled_times[low:high], self.filled_values[low:high]


def load(store: Store, selector: promql.VectorSelector, start: float, end: float) -> dict[Labels, Samples]:
    """The series that a selector means, with their points from `start` to `end` and some around them."""
    found: dict[Labels, Samples] = {}
    for signal, stale in _SOURCES:
        newest = max((day.last.timestamp() for day in store.days(signal) if day.last), default=0.0)
        points: dict[Labels, _Points] = {}
        for labels, time, value in _read(store, signal, selector, start - stale, end + UNCHANGED):
            points.setdefault(labels, {})[time] = value
        for labels, series in points.items():
            times = sorted(series)
            values = [series[time] for time in times]
            found[labels] = Samples(times, values, *_fill(times, values, newest), stale)
    if sum(len(samples.filled_times) for samples in found.values()) > MOST:
        raise QueryError(
            f"{selector} means more than {MOST} points; name it closer or ask for a shorter time"
        )
    return found


def _read(
    store: Store, signal: Signal, selector: promql.VectorSelector, start: float, end: float
) -> Iterator[tuple[Labels, float, float]]:
    since, until = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
    count = 0
    for day in store.days(signal, since, until):
        try:
            with store.reading(day) as (cursor, db):
                names = cursor.execute(f"SELECT id, name, labels FROM {db}.series").fetchall()
                meant = _choose(selector, names)
                sql = (
                    f"SELECT series, epoch_us(time), value FROM {db}.rows"
                    " WHERE list_contains(?::INTEGER[], series) AND time >= ? AND time <= ? LIMIT ?"
                )
                bounds = [bound.replace(tzinfo=None) for bound in (since, until)]
                rows = cursor.execute(sql, [list(meant), *bounds, MOST + 1]).fetchall() if meant else []
        except DayGone:
            continue
        count += len(rows)
        if count > MOST:
            raise QueryError(f"{selector} means more than {MOST} points; name it closer or ask for less time")
        for series, time, value in rows:
            yield meant[series], time / 1e6, value


def _choose(selector: promql.VectorSelector, series: list[tuple[int, str, str]]) -> dict[int, Labels]:
    tests = [[_test(matcher) for matcher in group] for group in _groups(selector)]
    named = selector.name
    chosen = {}
    for id_, name, text in series:
        if named and name != named:
            continue
        labels = {**json.loads(text), NAME: name} if text else {NAME: name}
        if any(all(test(labels.get(label, "")) for label, test in group) for group in tests):
            chosen[id_] = tuple(sorted((key, str(value)) for key, value in labels.items() if value != ""))
    return chosen


def _groups(selector: promql.VectorSelector) -> list[list[promql.Matcher]]:
    return selector.matchers.or_matchers or [selector.matchers.matchers]


def _test(matcher: promql.Matcher) -> tuple[str, Callable[[str], bool]]:
    value = matcher.value
    if matcher.op == promql.MatchOp.Equal:
        return matcher.name, lambda text: text == value
    if matcher.op == promql.MatchOp.NotEqual:
        return matcher.name, lambda text: text != value
    try:
        pattern = re.compile(value)
    except re.error as error:
        raise QueryError(
            f"{matcher.name} is matched with {value!r}, no regular expression: {error}"
        ) from error
    if matcher.op == promql.MatchOp.Re:
        return matcher.name, lambda text: pattern.fullmatch(text) is not None
    return matcher.name, lambda text: pattern.fullmatch(text) is None


def _fill(times: list[float], values: list[float], newest: float) -> tuple[list[float], list[float]]:
    """Put back points between two equal ones, and after the last, at the series' own smallest distance."""
    gaps = [after - before for before, after in pairwise(times)]
    step = min((gap for gap in gaps if gap >= 1), default=float(REPEAT))
    if step >= REPEAT:
        return times, values
    ends = [*times[1:], min(newest, times[-1] + UNCHANGED) + step]
    same = [*(a == b for a, b in pairwise(values)), True]
    all_times: list[float] = []
    all_values: list[float] = []
    for time, value, end, flat in zip(times, values, ends, same, strict=True):
        extra = round((end - time) / step) if flat and 1.5 * step < end - time <= UNCHANGED + step else 1
        for number in range(extra):
            all_times.append(time + number * step)
            all_values.append(value)
    return all_times, all_values
