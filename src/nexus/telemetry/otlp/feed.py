"""Rows of the store in the order in which they were written, from where a reader stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nexus.telemetry.records import Signal
from nexus.telemetry.store import DayGone, Store
from nexus.telemetry.store.days import Day
from nexus.telemetry.store.layout import view


@dataclass(frozen=True)
class Portion:
    """Rows with times in UTC, the number of the last, and how many were dropped before they were read."""

    rows: list[dict[str, Any]]
    number: int
    lost: int = 0


# The number of a file's first row; the file itself tells whether it is still the one of that name.
Firsts = dict[Path, tuple[Day, int]]


def read(store: Store, signal: Signal, after: int, limit: int, firsts: Firsts | None = None) -> Portion:
    """The next rows after the one numbered `after` (0: from the beginning), at most `limit`; fewer
    do not mean that there are no more. Who reads often gives the same `firsts` each time.

    A clock that jumps back has newer rows written into an older file: numbers say what comes next.
    """
    days = sorted(store.days(signal), key=lambda day: day.key)
    ahead = _ahead(store, [day for day in days if day.seq > after], after, {} if firsts is None else firsts)
    ends = [number for number, _ in ahead[1:]]
    for (_, day), end in zip(ahead, [*ends, None], strict=False):
        try:
            rows = _rows(store, signal, day, after, end, limit)
        except DayGone:
            continue
        if rows:
            gap = rows[0]["seq"] - after - 1
            lost = gap if after and gap and not any(_holds(store, each, after) for each in days) else 0
            return Portion(rows, rows[-1]["seq"], lost)
    return Portion([], after)


def _ahead(store: Store, days: list[Day], after: int, firsts: Firsts) -> list[tuple[int, Day]]:
    """The files with the number of their next row, in the order of these numbers."""
    if len(days) == 1:
        return [(after + 1, days[0])]
    ahead = []
    for day in days:
        known, first = firsts.get(day.path, (None, 0))
        number = first if known is day and first > after else _next(store, day, after)
        if number is not None:
            ahead.append((number, day))
            if known is not day:
                firsts[day.path] = (day, number)
    return sorted(ahead, key=lambda pair: pair[0])


def _next(store: Store, day: Day, after: int) -> int | None:
    try:
        with store.reading(day) as (cursor, db):
            found = cursor.execute(f"SELECT min(seq) FROM {db}.rows WHERE seq > {after:d}").fetchone()
            return found[0] if found else None
    except DayGone:
        return None


def _rows(
    store: Store, signal: Signal, day: Day, after: int, end: int | None, limit: int
) -> list[dict[str, Any]]:
    with store.reading(day) as (cursor, db):
        within = f"seq > {after:d}" + ("" if end is None else f" AND seq < {end:d}")
        chosen = f"(SELECT * FROM {db}.rows WHERE {within} ORDER BY seq LIMIT {limit:d})"
        found = cursor.execute(f"SELECT * FROM ({view(signal, db, chosen)}) ORDER BY seq")
        names = [column[0] for column in found.description or ()]
        return [_in_utc(dict(zip(names, row, strict=True))) for row in found.fetchall()]


def _holds(store: Store, day: Day, number: int) -> bool:
    """Whether a file has the row of this number or an older one: files are dropped as a whole, so a gap after
    it are numbers that no row ever had.
    """
    try:
        with store.reading(day) as (cursor, db):
            found = cursor.execute(f"SELECT min(seq) FROM {db}.rows").fetchall()[0][0]
            return found is not None and found <= number
    except DayGone:
        return False


def _in_utc(row: dict[str, Any]) -> dict[str, Any]:
    """The row with the zone that the store leaves out."""
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
    }
