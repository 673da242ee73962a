"""When a recurrence rule (RFC 5545) is due on the clock of a zone, on days that clocks are changed, too.

A rule names times of a wall clock. A time that clocks skip is due when they have been put forward (02:30
becomes 03:30); one that they show twice is due the first time, and both times for rules that repeat within a
day (HOURLY and finer). Rules count their intervals from Saturday, 1 January 2000.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

EPOCH = datetime(2000, 1, 1)
DAY = 86_400
_SPANS = tuple(timedelta(hours=hours) for hours in (6, 48, 24 * 40, 24 * 400, 24 * 366 * 9, 24 * 366 * 30))
_SHIFT = timedelta(hours=3)  # more than any change of clocks
_SECONDS = {"WEEKLY": 7 * DAY, "DAILY": DAY, "HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}
_FREQUENCY = re.compile(r"FREQ=([A-Z]+)", re.I)
_INTERVAL = re.compile(r"INTERVAL=(\d+)", re.I)


def last(rule: str, zone: str, now: datetime) -> datetime | None:
    """The latest time, in UTC, that a rule was due until `now` (aware); None when it never was. Pure."""
    here = _wall(zone, now)
    for span in _SPANS:
        found = [each for each in _due(rule, zone, here - span, here + _SHIFT) if each <= now]
        if found:
            return max(found)
    return None


def next_(rule: str, zone: str, now: datetime) -> datetime | None:
    """The next time, in UTC, that a rule is due after `now` (aware); None when it never is again. Pure."""
    here = _wall(zone, now)
    for span in _SPANS:
        found = [each for each in _due(rule, zone, here - _SHIFT, here + span) if each > now]
        if found:
            return min(found)
    return None


def _due(rule: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """All times between two times of the wall clock, in UTC."""
    frequency, interval = _read(rule)
    seconds = _SECONDS.get(frequency)
    found = rrulestr(rule, dtstart=_aligned(seconds, interval, start))
    assert isinstance(found, rrule)  # the manifest was checked
    repeats = seconds is not None and seconds < DAY
    for each in found.replace(until=end).between(start, end, inc=True):
        for fold in (0, 1) if repeats else (0,):
            yield each.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def _aligned(seconds: int | None, interval: int, start: datetime) -> datetime:
    """A time not after `start` from which a rule counts the same as from the epoch, to which its years of
    hours need not be counted then. `seconds`: of its unit; None for months and years, which are few.
    """
    if seconds is None:
        return EPOCH
    length = timedelta(seconds=math.lcm(seconds * interval, DAY))  # a day's hours count from midnight
    return EPOCH + max(0, (start - EPOCH) // length - 1) * length


def _read(rule: str) -> tuple[str, int]:
    frequency, interval = _FREQUENCY.search(rule), _INTERVAL.search(rule)
    return frequency[1].upper() if frequency else "", int(interval[1]) if interval else 1


def _wall(zone: str, now: datetime) -> datetime:
    return now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
