"""The events of all objectives: counted in memory, kept in the store, found again after a restart.

Kept are points `nexus_sli_minute_good` and `nexus_sli_minute_events` of each minute, whose newest value is
the whole minute's, and for Prometheus the ever-growing `nexus_sli_good_total` and `nexus_sli_events_total`,
which grow by recent events alone: a counter has no past, so what is old would look as if it happened now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from nexus.business.point import Point, label_text
from nexus.business.points import ask_points
from nexus.business.windows import HOURS_KEPT, MINUTES_KEPT, NONE, Buckets, Events
from nexus.telemetry.store import Store

GOOD, EVENTS = "nexus_sli_minute_good", "nexus_sli_minute_events"
GOOD_TOTAL, EVENTS_TOTAL = "nexus_sli_good_total", "nexus_sli_events_total"
RECENT = 10  # minutes in which an event must be counted to grow the counters


class Key(NamedTuple):
    """Whose events: an objective of a process, and the step that they are ("" where there is none)."""

    process: str
    objective: str
    step: str


class Count:
    """Events of one minute that are being counted."""

    __slots__ = ("good", "total")

    def __init__(self) -> None:
        self.good = self.total = 0

    def add(self, good: bool) -> None:
        self.good += good
        self.total += 1


Counts = Mapping[tuple[Key, int], Events]
Totals = dict[tuple[str, str], Events]  # by process and objective


class Tally:
    """Counts events exactly once: `points` of what is new are kept first, then it is `add`ed."""

    def __init__(self) -> None:
        self._buckets: defaultdict[Key, Buckets] = defaultdict(Buckets)
        self._totals: Totals = {}

    def points(self, new: Counts, now: float) -> list[Point]:
        """What to keep once these events are counted: the whole of each minute that they fall into, and the
        counters that they grow.
        """
        points = []
        for (key, minute), events in new.items():
            before = self._buckets[key].window(1, minute)
            labels, at = label_text(key._asdict()), minute * 60.0
            points.append(Point(GOOD, labels, "gauge", float(before.good + events.good), at))
            points.append(Point(EVENTS, labels, "gauge", float(before.total + events.total), at))
        return points + _counters(self._grown(new, now), now)

    def add(self, new: Counts, now: float) -> None:
        """Counts events that are kept."""
        self._totals |= self._grown(new, now)
        for (key, minute), events in new.items():
            self._buckets[key].add(minute, events)

    def window(self, process: str, objective: str, minutes: int, now: int, step: str | None = None) -> Events:
        """The events of an objective, or of one of its steps, in the last so many minutes."""
        found = [
            buckets.window(minutes, now)
            for key, buckets in list(self._buckets.items())
            if key.process == process and key.objective == objective and step in (None, key.step)
        ]
        return Events(sum(each.good for each in found), sum(each.total for each in found))

    def totals(self, at: float) -> list[Point]:
        """The counters of all objectives."""
        return _counters(self._totals, at)

    @classmethod
    def restored(cls, store: Store, now: float) -> Tally:
        """What was counted before, by this or another process.

        Minutes that are still to come, told by a clock that was ahead, are forgotten.
        """
        tally = cls()
        minute = int(now // 60)
        since = (minute - MINUTES_KEPT) * 60
        for key, when, good, total in _kept(store, since, (minute + 1) * 60, unit=1):
            tally._buckets[key].add(when, Events(good, total))
        for key, when, good, total in _kept(store, (minute // 60 - HOURS_KEPT) * 3600, since, unit=60):
            tally._buckets[key].add_hour(when, Events(good, total))
        tally._totals = _totals(store)
        return tally

    def _grown(self, new: Counts, now: float) -> Totals:
        """The counters that these events change, as they then are."""
        grown: Totals = {}
        for (key, minute), events in new.items():
            if minute >= now // 60 - RECENT:
                whose = key.process, key.objective
                grown[whose] = grown.get(whose, self._totals.get(whose, NONE)).plus(events)
        return grown


def _counters(totals: Totals, at: float) -> list[Point]:
    points = []
    for (process, objective), events in totals.items():
        labels = label_text({"process": process, "objective": objective})
        points.append(Point(GOOD_TOTAL, labels, "counter", float(events.good), at))
        points.append(Point(EVENTS_TOTAL, labels, "counter", float(events.total), at))
    return points


def _kept(store: Store, since: int, until: int, unit: int) -> Iterable[tuple[Key, int, int, int]]:
    """The kept events by so many minutes. Of a minute told several times, in whatever file, the last counts.

    `since` and `until` are seconds since the epoch.
    """
    sql = f"""
        SELECT labels, minute // {unit} AS slot, sum(good)::BIGINT, sum(total)::BIGINT FROM (
            SELECT labels, epoch_us(time) // 60000000 AS minute,
                   coalesce(max_by(value, seq) FILTER (WHERE name = '{GOOD}'), 0) AS good,
                   coalesce(max_by(value, seq) FILTER (WHERE name = '{EVENTS}'), 0) AS total
            FROM points WHERE name IN ('{GOOD}', '{EVENTS}') AND epoch(time) >= {since}
                          AND epoch(time) < {until}
            GROUP BY labels, minute)
        GROUP BY labels, slot"""
    days = store.days("business", since=datetime.fromtimestamp(since, UTC) - timedelta(days=1))
    for labels, slot, good, total in ask_points(store, days, sql):
        yield Key(**orjson.loads(labels)), slot, good, total


def _totals(store: Store) -> Totals:
    sql = f"""
        SELECT labels, coalesce(max(value) FILTER (WHERE name = '{GOOD_TOTAL}'), 0)::BIGINT,
               coalesce(max(value) FILTER (WHERE name = '{EVENTS_TOTAL}'), 0)::BIGINT
        FROM points WHERE name IN ('{GOOD_TOTAL}', '{EVENTS_TOTAL}') GROUP BY labels"""
    found = {}
    for text, good, total in ask_points(store, store.days("business"), sql):
        labels = orjson.loads(text)
        found[labels["process"], labels["objective"]] = Events(good, total)
    return found
