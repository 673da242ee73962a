"""A freeze window: when releases of some services are not to change.

It begins and ends at local times of its time zone (RFC 5545: a DTSTART with TZID) and repeats by a recurrence
rule (RRULE). A local time that the clocks show twice is the first of the two, and an end that they skip is
read with the offset before the gap (RFC 5545, section 3.3.5; the `fold=0` of PEP 495). A beginning that they
skip is the moment when they have skipped it: so no window ends before it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

LONGEST = timedelta(days=92)
DAY = timedelta(days=1)
_UNTIL = re.compile(r"UNTIL=(\d{8}T\d{6})Z")
_UNTIL_DAY = re.compile(r"UNTIL=(\d{8})(?=;|$)")
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Freeze:
    """A freeze window. `modules` is empty where it covers every service.

    `start` and `end` are the local times of the first window in `zone`; `seconds` is set instead of `end`
    where the window is told by its length. `repeat` is its recurrence rule ("" = once).
    """

    name: str
    title: Mapping[str, str]
    modules: tuple[str, ...]
    zone: str
    start: datetime
    end: datetime | None
    seconds: float | None
    repeat: str = ""

    def covers(self, service: str) -> bool:
        """Whether a service's releases are not to change in it."""
        return not self.modules or service in self.modules

    def window(self, at: float) -> tuple[datetime, datetime] | None:
        """Begin and end, in the freeze's zone, of the window that holds the moment `at` (seconds since the
        epoch), None where none does. Of several that overlap, the one that ends last.
        """
        moment = datetime.fromtimestamp(at, UTC)
        holding = [(b, e) for b, e in self._around(moment) if _utc(b) <= moment < _utc(e)]
        return max(holding, key=lambda window: _utc(window[1]), default=None)

    def next_start(self, at: float) -> datetime | None:
        """When it begins next after the moment `at`, in its zone; None where it does not any more."""
        moment = datetime.fromtimestamp(at, UTC)
        near = _on_the_wall(moment, self.zone) - DAY
        starts = self._rule.xafter(near) if self._rule else iter((self.start,))
        return next((begin for begin in map(self._begin, starts) if _utc(begin) > moment), None)

    @cached_property
    def _rule(self) -> rrule | None:
        return read_rule(self.repeat, self.start, self.zone) if self.repeat else None

    def _around(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The windows that may hold a moment."""
        wall = _on_the_wall(moment, self.zone)
        starts = self._rule.between(wall - LONGEST - DAY, wall + DAY) if self._rule else (self.start,)
        for start in starts:
            begin = self._begin(start)
            if self.end is not None:
                end = _utc(self._at(start + (self.end - self.start)))
            else:
                end = _utc(begin) + timedelta(seconds=self.seconds or 0)
            yield begin, end.astimezone(ZoneInfo(self.zone))

    def _begin(self, wall: datetime) -> datetime:
        before, after = _utc(self._at(wall).replace(fold=1)), _utc(self._at(wall))
        if _on_the_wall(after, self.zone) == wall:
            return self._at(wall)
        offset = after.astimezone(ZoneInfo(self.zone)).utcoffset()
        while after - before > SECOND:  # the clocks skip it: they change between these two moments
            middle = before + (after - before) // (2 * SECOND) * SECOND
            if middle.astimezone(ZoneInfo(self.zone)).utcoffset() == offset:
                after = middle
            else:
                before = middle
        return after.astimezone(ZoneInfo(self.zone))

    def _at(self, wall: datetime) -> datetime:
        return wall.replace(tzinfo=ZoneInfo(self.zone))


def read_rule(repeat: str, start: datetime, zone: str) -> rrule:
    """A recurrence rule that begins at a local time of `zone`; its UNTIL is local, or UTC with a Z, or a day,
    which counts to its end.

    Raises:
        ValueError: it is no rule, or more than one.
    """
    local = _UNTIL.sub(lambda told: _local_until(told[1], zone), repeat)
    found = rrulestr(_UNTIL_DAY.sub(r"UNTIL=\1T235959", local), dtstart=start)
    if not isinstance(found, rrule):
        raise ValueError("it is more than one rule")
    return found


def _local_until(told: str, zone: str) -> str:
    moment = datetime.strptime(told, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return f"UNTIL={_on_the_wall(moment, zone):%Y%m%dT%H%M%S}"


def _on_the_wall(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def _utc(moment: datetime) -> datetime:
    """Compared in UTC: Python compares times of one zone by the clock on the wall."""
    return moment.astimezone(UTC)
