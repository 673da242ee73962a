"""The events of all objectives: counted in memory, kept in the store, found again after a restart.

Kept are points `nexus_sli_minute_good` and `nexus_sli_minute_events` of each minute, whose newest value is
the whole minute's, and for Prometheus the ever-growing `nexus_sli_good_total` and `nexus_sli_events_total`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from nexus.business.points import Point, label_text
from nexus.business.windows import HOURS_KEPT, MINUTES_KEPT, NONE, Buckets, Events
from nexus.telemetry.store import Store
from nexus.telemetry.store.layout import view

GOOD, EVENTS = "nexus_sli_minute_good", "nexus_sli_minute_events"
GOOD_TOTAL, EVENTS_TOTAL = "nexus_sli_good_total", "nexus_sli_events_total"


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


class Tally:
    """Counts events exactly once: `points` of what is new are kept first, then it is `add`ed."""

    def __init__(self) -> None:
        self._buckets: defaultdict[Key, Buckets] = defaultdict(Buckets)
        self._totals: defaultdict[tuple[str, str], Events] = defaultdict(lambda: NONE)

    def points(self, new: Counts) -> list[Point]:
        """What to keep once these events are counted: the whole of each minute that they fall into."""
        points = []
        for (key, minute), events in new.items():
            before = self._buckets[key].window(1, minute)
            labels, at = label_text(key._asdict()), minute * 60.0
            points.append(Point(GOOD, labels, "gauge", float(before.good + events.good), at))
            points.append(Point(EVENTS, labels, "gauge", float(before.total + events.total), at))
        return points

    def add(self, new: Counts) -> None:
        """Counts events that are kept."""
        for (key, minute), events in new.items():
            self._buckets[key].add(minute, events)
            self._grow(key, events)

    def window(self, process: str, objective: str, minutes: int, now: int, step: str | None = None) -> Events:
        """The events of an objective, or of one of its steps, in the last so many minutes."""
        found = [
            buckets.window(minutes, now)
            for key, buckets in list(self._buckets.items())
            if key.process == process and key.objective == objective and step in (None, key.step)
        ]
        return Events(sum(each.good for each in found), sum(each.total for each in found))

    def totals(self, at: float) -> list[Point]:
        """All events ever counted, as counters."""
        points = []
        for (process, objective), events in self._totals.items():
            labels = label_text({"process": process, "objective": objective})
            points.append(Point(GOOD_TOTAL, labels, "counter", float(events.good), at))
            points.append(Point(EVENTS_TOTAL, labels, "counter", float(events.total), at))
        return points

    @classmethod
    def restored(cls, store: Store) -> Tally:
        """What was counted before, by this or another process."""
        tally = cls()
        minute = int(time.time() // 60)
        since = minute - MINUTES_KEPT
        for key, when, good, total in _kept(store, since * 60, "1"):
            tally._buckets[key].add(when, Events(good, total))
        for key, when, good, total in _kept(store, (minute // 60 - HOURS_KEPT) * 3600, "60", since * 60):
            tally._buckets[key].add_hour(when, Events(good, total))
        for labels, events in _totals(store).items():
            tally._totals[labels] = events
        return tally

    def _grow(self, key: Key, events: Events) -> None:
        whose = key.process, key.objective
        self._totals[whose] = self._totals[whose].plus(events)


def _kept(
    store: Store, since: int, unit: str, until: int | None = None
) -> Iterable[tuple[Key, int, int, int]]:
    """The kept events by minute (unit "1") or hour ("60"). Of a minute told several times the last counts."""
    sql = f"""
        SELECT labels, minute // {unit} AS slot, sum(good)::BIGINT, sum(total)::BIGINT FROM (
            SELECT labels, epoch_us(time) // 60000000 AS minute,
                   coalesce(max(value) FILTER (WHERE name = '{GOOD}'), 0) AS good,
                   coalesce(max(value) FILTER (WHERE name = '{EVENTS}'), 0) AS total
            FROM points WHERE name IN ('{GOOD}', '{EVENTS}') AND epoch(time) >= {since}
                          AND epoch(time) < {until or 2**40}
            GROUP BY labels, minute)
        GROUP BY labels, slot"""
    for labels, slot, good, total in _ask(store, sql, since):
        yield Key(**orjson.loads(labels)), slot, good, total


def _totals(store: Store) -> dict[tuple[str, str], Events]:
    sql = f"""
        SELECT labels, coalesce(max(value) FILTER (WHERE name = '{GOOD_TOTAL}'), 0)::BIGINT,
               coalesce(max(value) FILTER (WHERE name = '{EVENTS_TOTAL}'), 0)::BIGINT
        FROM points WHERE name IN ('{GOOD_TOTAL}', '{EVENTS_TOTAL}') GROUP BY labels"""
    found = {}
    for text, good, total in _ask(store, sql, 0):
        labels = orjson.loads(text)
        found[labels["process"], labels["objective"]] = Events(good, total)
    return found


def _ask(store: Store, sql: str, since: int) -> list[tuple[Any, ...]]:
    """Ask all files of the signal at once: a minute may be told in two of them."""
    begin = datetime.fromtimestamp(since, UTC) - timedelta(days=1) if since else None
    days = store.days("business", since=begin)
    if not days:
        return []
    with ExitStack() as files:
        opened = [files.enter_context(store.reading(day)) for day in days]
        points = " UNION ALL ".join(f"({view('business', db)})" for _, db in opened)
        return opened[0][0].execute(f"WITH points AS ({points}) {sql}").fetchall()
