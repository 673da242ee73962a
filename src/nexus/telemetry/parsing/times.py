"""The time that a writer put on its line, whatever it looks like."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

TIME = pa.timestamp("us", tz="UTC")
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
_LARGEST_SECONDS = 1e11  # the year 5138; what is larger counts milliseconds, then micro-, then nanoseconds
_NAIVE = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(?: (?:UTC|GMT))?$")


def times(values: list[Any], observed: datetime) -> tuple[pa.Array[Any], dict[int, Any]]:
    """The values as one array of times, and those that are none, by index: these became `observed`.

    A time before the year 2000 or more than a day after `observed` is none. A time without a zone is UTC.
    """
    try:
        array = pa.array(values, pa.string()).cast(TIME)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return _one_by_one(values, observed)
    span: Any = pc.min_max(array).as_py()
    if array.null_count or span["min"] < OLDEST or span["max"] > observed + AHEAD:
        return _one_by_one(values, observed)
    return array, {}


def moment(value: Any, zone: tzinfo | None = UTC) -> datetime | None:
    """One time: ISO 8601, as databases and servers write it, or seconds to nanoseconds since the epoch.

    `zone` is that of times which name none; None is this machine's.
    """
    try:
        if isinstance(value, str):
            return _spelled(value.strip(), zone)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _counted(float(value))
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _one_by_one(values: list[Any], observed: datetime) -> tuple[pa.Array[Any], dict[int, Any]]:
    found: list[datetime] = []
    raw: dict[int, Any] = {}
    latest = observed + AHEAD
    for index, value in enumerate(values):
        when = moment(value)
        if when is None or not OLDEST <= when <= latest:
            if value is not None:
                raw[index] = value
            when = observed
        found.append(when)
    return pa.array(found, TIME), raw


def _counted(number: float) -> datetime | None:
    if abs(number) > _LARGEST_SECONDS * 1e9:
        return None
    while abs(number) > _LARGEST_SECONDS:
        number /= 1000.0
    return datetime.fromtimestamp(number, UTC)


def _spelled(text: str, zone: tzinfo | None) -> datetime | None:
    if text.replace(".", "", 1).isdigit() and len(text) != 8:
        return _counted(float(text))
    naive = _NAIVE.match(text)
    if naive:
        year, month, day, clock, fraction = naive.groups()
        text = f"{year}-{month}-{day}T{clock}.{(fraction or '0')[:6].ljust(6, '0')}"
    when = datetime.fromisoformat(text)
    return when.replace(tzinfo=zone).astimezone(UTC) if when.tzinfo is None and zone else when.astimezone(UTC)
