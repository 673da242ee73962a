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
class Place:
    """How far a reader came: the file and the number of the last row read. "" and 0: nothing yet."""

    file: str = ""
    number: int = 0


@dataclass(frozen=True)
class Portion:
    """Rows with times in UTC, the place after them, and how many were dropped before they could be read."""

    rows: list[dict[str, Any]]
    place: Place
    lost: int = 0


def newest(store: Store, signal: Signal) -> Place:
    """The place after everything that is there now."""
    days = store.days(signal)
    return Place(days[0].path.name if days else "", store.committed(signal))


def read(store: Store, signal: Signal, place: Place, limit: int) -> Portion:
    """The next rows after `place`, at most `limit`; fewer do not mean that there are no more."""
    lost, number = 0, place.number
    days = sorted(store.days(signal), key=lambda day: day.key)
    gone = bool(place.file) and place.file not in {day.path.name for day in days}
    for day in days:
        if day.seq <= place.number:
            continue
        try:
            rows = _rows(store, signal, day, place.number, limit)
        except DayGone:
            gone = True
            continue
        if not rows:
            number = max(number, day.seq)
            continue
        if gone:
            lost = max(0, rows[0]["seq"] - number - 1)
        return Portion(rows, Place(day.path.name, rows[-1]["seq"]), lost)
    return Portion([], place)


def _rows(store: Store, signal: Signal, day: Day, after: int, limit: int) -> list[dict[str, Any]]:
    with store.reading(day) as (cursor, db):
        chosen = f"(SELECT * FROM {db}.rows WHERE seq > {after:d} ORDER BY seq LIMIT {limit:d})"
        found = cursor.execute(f"SELECT * FROM ({view(signal, db, chosen)}) ORDER BY seq")
        names = [column[0] for column in found.description or ()]
        return [_plain(dict(zip(names, row, strict=True))) for row in found.fetchall()]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its times in UTC, where the store holds them without a zone."""
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
    }
