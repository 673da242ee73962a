"""Keeps of a metric's points only what changed; a value that stays is written once a minute.

A reader takes a value as unchanged between two equal points no more than `UNCHANGED` apart, and as gone that
long after its last point. When a value changes after points were left out, the last one left out is kept too,
so that the step lies between two scrapes as it did.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

REPEAT = 60  # seconds after which an unchanged value is written again
UNCHANGED = REPEAT + 15  # seconds; the 15 allow for the scrape that comes late

_MICRO = 1_000_000
Identity = tuple[str, str, str]


@dataclass(slots=True)
class _Last:
    series: int
    value: float
    written: int  # time in µs
    seen: int


class Points:
    """The series of one file, and what was last seen of each."""

    def __init__(self, known: list[tuple[int, str, str, str]]) -> None:
        self._ids: dict[Identity, int] = {(name, labels, kind): id_ for id_, name, labels, kind in known}
        self._last: dict[Identity, _Last] = {}

    def changes(self, batch: pa.Table) -> tuple[pa.Table, pa.Table]:
        """What of a batch of points must be written: rows (time, series, value) and series not yet known."""
        times, values, numbers = [], [], []
        new: list[tuple[int, str, str, str]] = []
        columns = (
            pc.cast(batch["time"], pa.int64()),
            *(batch[name] for name in ("name", "labels", "kind", "value")),
        )
        for time, name, labels, kind, value in zip(*(column.to_pylist() for column in columns), strict=True):
            identity = (name, labels, kind)
            last = self._last.get(identity)
            if last is None:
                last = self._last[identity] = self._intern(identity, new)
            elif last.value == value or (last.value != last.value and value != value):
                if last.written <= time < last.written + REPEAT * _MICRO:
                    last.seen = max(last.seen, time)
                    continue
            elif last.written < last.seen < time:
                times.append(last.seen)
                numbers.append(last.series)
                values.append(last.value)
            last.value, last.written, last.seen = value, time, time
            times.append(time)
            numbers.append(last.series)
            values.append(value)
        rows = {"time": pa.array(times, pa.timestamp("us")), "series": pa.array(numbers, pa.int32())}
        return pa.table({**rows, "value": pa.array(values, pa.float64())}), _series(new)

    def _intern(self, identity: Identity, new: list[tuple[int, str, str, str]]) -> _Last:
        number = self._ids.get(identity)
        if number is None:
            number = self._ids[identity] = len(self._ids) + 1
            new.append((number, *identity))
        return _Last(number, 0.0, 0, 0)

    def __len__(self) -> int:
        return len(self._ids)


def _series(new: list[tuple[int, str, str, str]]) -> pa.Table:
    names = ("id", "name", "labels", "kind")
    columns = zip(*new, strict=True) if new else ((), (), (), ())
    types = (pa.int32(), pa.string(), pa.string(), pa.string())
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})
