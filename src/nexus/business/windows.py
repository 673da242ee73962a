"""Good and all events by minute, and their sums over windows that end now."""

from __future__ import annotations

from array import array
from typing import NamedTuple

WINDOWS = {
    "5m": 5,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "6h": 360,
    "1d": 1_440,
    "3d": 4_320,
    "28d": 40_320,
}  # minutes
MINUTES_KEPT = WINDOWS["3d"]
HOURS_KEPT = WINDOWS["28d"] // 60


class Events(NamedTuple):
    """How many events there were, and how many of them were good."""

    good: int
    total: int

    @property
    def bad(self) -> int:
        return self.total - self.good

    def plus(self, other: Events) -> Events:
        """Both together."""
        return Events(self.good + other.good, self.total + other.total)


NONE = Events(0, 0)


class Ring:
    """Counts in so many slots; `head` is the newest, and what is `size` older than it is forgotten."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.head = 0
        self._counts = array("q", bytes(8 * size))

    def add(self, slot: int, count: int) -> None:
        """Counts in a slot; one that is too old is not kept."""
        self._advance(slot)
        if slot > self.head - self.size:
            self._counts[slot % self.size] += count

    def sum(self, first: int, last: int) -> int:
        """What was counted in the slots from `first` to `last`, both included."""
        first = max(first, self.head - self.size + 1)
        last = min(last, self.head)
        if first > last:
            return 0
        start, end = first % self.size, last % self.size + 1
        if start < end:
            return sum(self._counts[start:end])
        return sum(self._counts[start:]) + sum(self._counts[:end])

    def _advance(self, slot: int) -> None:
        if slot <= self.head:
            return
        if slot - self.head >= self.size:
            self._counts = array("q", bytes(8 * self.size))
        else:
            for each in range(self.head + 1, slot + 1):
                self._counts[each % self.size] = 0
        self.head = slot


class Buckets:
    """Events of one objective: by minute for the windows up to three days, by hour for the longest.

    A minute is the number of minutes since the epoch.
    """

    def __init__(self) -> None:
        self._minutes = (Ring(MINUTES_KEPT), Ring(MINUTES_KEPT))
        self._hours = (Ring(HOURS_KEPT), Ring(HOURS_KEPT))

    def add(self, minute: int, events: Events) -> None:
        """Counts events of a minute, which may be long past."""
        for ring, count in zip(self._minutes, events, strict=True):
            ring.add(minute, count)
        self.add_hour(minute // 60, events)

    def add_hour(self, hour: int, events: Events) -> None:
        """Counts events of an hour whose minutes are no longer of interest."""
        for ring, count in zip(self._hours, events, strict=True):
            ring.add(hour, count)

    def window(self, minutes: int, now: int) -> Events:
        """The events of the last so many minutes, `now` included; beyond three days to the hour."""
        if minutes <= MINUTES_KEPT:
            good, total = (ring.sum(now - minutes + 1, now) for ring in self._minutes)
        else:
            hour = now // 60
            good, total = (ring.sum(hour - minutes // 60 + 1, hour) for ring in self._hours)
        return Events(good, total)
