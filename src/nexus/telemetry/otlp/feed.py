"""Rows of the store in the order in which they were written, from where a reader stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
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


def read(store: Store, signal: Signal, after: int, limit: int) -> Portion:
    """The next rows after the one numbered `after` (0: from the beginning), at most `limit`; fewer
    do not mean that there are no more.
    """
    days = sorted(store.days(signal), key=lambda day: day.key)
    for day in days:
        if day.seq <= after:
            continue
        try:
            rows = _rows(store, signal, day, after, limit)
        except DayGone:
            continue
        if rows:
            gap = rows[0]["seq"] - after - 1
            lost = gap if after and gap and not any(_holds(store, each, after) for each in days) else 0
            return Portion(rows, rows[-1]["seq"], lost)
    return Portion([], after)


def _rows(store: Store, signal: Signal, day: Day, after: int, limit: int) -> list[dict[str, Any]]:
    with store.reading(day) as (cursor, db):
        chosen = f"(SELECT * FROM {db}.rows WHERE seq > {after:d} ORDER BY seq LIMIT {limit:d})"
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
