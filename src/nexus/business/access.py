"""What users got: lines of the access logs, read once each in the order in which they were stored."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from nexus.telemetry.store import Store
from nexus.telemetry.store.layout import view

MOST = 20_000  # lines read at once
AROUND = 120  # seconds in which the gateway's line of a request that failed at the edge is looked for


class Line(NamedTuple):
    """One line of an access log. `seq` is its number in the store, `minute` counts from the epoch."""

    seq: int
    minute: int
    method: str
    path: str
    status: int
    seconds: float
    trace: str | None


def read_lines(
    store: Store, services: Collection[str], after: int, upto: int, worst: bool = False
) -> tuple[list[Line], int]:
    """Return the lines of services numbered above `after` and up to `upto`, and the number reached.

    `worst` leaves all out but failures. A line whose clock was ahead counts in the minute it was collected.
    """
    lines: list[Line] = []
    failing = "AND (status >= 499 OR status < 100)" if worst else ""
    for day in reversed(store.days("logs")):
        if day.seq <= after or not services:
            continue
        with store.reading(day) as (cursor, db):
            rows = (
                f"(SELECT * FROM {db}.rows WHERE seq > {after:d} AND seq <= {upto:d}"
                f" AND service IN ({_listed(services)}) AND method IS NOT NULL AND status IS NOT NULL"
                f" {failing}"
                f" ORDER BY seq LIMIT {MOST - len(lines):d})"
            )
            found = cursor.execute(
                "SELECT seq, epoch_us(least(time, observed)) // 60000000, method, coalesce(path, ''), status,"
                f" coalesce(duration_ms, 0) / 1000, trace_id FROM ({view('logs', db, rows)}) ORDER BY seq"
            ).fetchall()
        lines += [Line(*row) for row in found]
        if len(lines) >= MOST:
            return lines, lines[-1].seq
    return lines, upto


def reached(store: Store, services: Collection[str], lines: Collection[Line]) -> set[str]:
    """The traces of failures at the edge that the gateway has a line of: it has counted them itself."""
    if not lines or not services:
        return set()
    minutes = [line.minute for line in lines]
    first, last = (min(minutes) * 60 - AROUND) * 1_000_000, (max(minutes) * 60 + 60 + AROUND) * 1_000_000
    found: set[str] = set()
    for day in store.days("logs"):
        with store.reading(day) as (cursor, db):
            rows = (
                f"(SELECT * FROM {db}.rows WHERE time >= make_timestamp({first})"
                f" AND time < make_timestamp({last}) AND service IN ({_listed(services)})"
                " AND (status >= 499 OR status < 100))"
            )
            traces = cursor.execute(f"SELECT trace_id FROM ({view('logs', db, rows)})").fetchall()
            found.update(trace for (trace,) in traces)
    return found


def _listed(services: Collection[str]) -> str:
    return ", ".join("'" + service.replace("'", "''") + "'" for service in sorted(services))
