"""What users got: lines of the access logs, read once each in the order in which they were stored.

The gateway and the edge in front of it both log a request, under the id that the edge gave it. It is one
event: the line that was stored first counts, and a failure at the edge outweighs what the gateway says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote

from nexus.business.requests import verdict
from nexus.telemetry.store import Store
from nexus.telemetry.store.layout import view

MOST = 20_000  # lines read at once
AROUND = timedelta(minutes=2)  # within which both lines of a request are written
_LINE = (
    "seq, epoch_us(least(time, observed)) // 60000000 AS minute, method, coalesce(path, '') AS path, status,"
    " coalesce(duration_ms, 0) / 1000 AS seconds,"
    # A request id that is the trace's is not stored again.
    " coalesce(json_extract_string(nullif(attributes, ''), '$.request_id'), trace_id) AS request"
)
_FAILING = "(status >= 499 OR status < 100)"

Same = tuple[str, str, str]  # what both lines of a request have in common


class Line(NamedTuple):
    """One line of an access log. `seq` is its number in the store, `minute` counts from the epoch, `request`
    is the id that the edge gave the request.
    """

    seq: int
    minute: int
    method: str
    path: str
    status: int
    seconds: float
    request: str | None


def at_gateway(
    store: Store, gateway: Collection[str], edge: Collection[str], after: int, upto: int
) -> tuple[list[Line], int]:
    """The gateway's lines numbered above `after` and up to `upto`, and the number reached.

    A request that failed at the edge is told as it ended there, unless the edge's line came first.
    """
    found, reached = _read(store, gateway, after, upto)
    failures = {same: line for same, line in _beside(store, edge, found, _FAILING).items() if _bad(line)}
    lines = []
    for line in found:
        failed = failures.get(_same(line))
        if failed is None:
            lines.append(line)
        elif failed.seq > line.seq:
            lines.append(line._replace(status=failed.status, seconds=failed.seconds))
    return lines, reached


def failed_at_edge(
    store: Store, edge: Collection[str], gateway: Collection[str], after: int, upto: int
) -> tuple[list[Line], int]:
    """The edge's failures numbered above `after` and up to `upto`, and the number reached; without those of
    requests that the gateway had a line of by then.
    """
    found, reached = _read(store, edge, after, upto, _FAILING)
    failures = [line for line in found if _bad(line)]
    seen = _beside(store, gateway, failures)
    return [line for line in failures if (at := seen.get(_same(line))) is None or at.seq > line.seq], reached


def _read(
    store: Store, services: Collection[str], after: int, upto: int, which: str = "true"
) -> tuple[list[Line], int]:
    """A line whose clock was ahead counts in the minute it was collected."""
    lines: list[Line] = []
    for day in reversed(store.days("logs")):
        if day.seq <= after or not services:
            continue
        with store.reading(day) as (cursor, db):
            rows = (
                f"(SELECT * FROM {db}.rows WHERE seq > {after:d} AND seq <= {upto:d}"
                f" AND {_of(services)} AND {which} ORDER BY seq LIMIT {MOST - len(lines):d})"
            )
            sql = f"SELECT {_LINE} FROM ({view('logs', db, rows)}) ORDER BY seq"
            lines += [Line(*row) for row in cursor.execute(sql).fetchall()]
        if len(lines) >= MOST:
            return lines, lines[-1].seq
    return lines, upto


def _beside(
    store: Store, services: Collection[str], lines: Iterable[Line], which: str = "true"
) -> dict[Same, Line]:
    """The first line that other services have of each of these requests."""
    minutes = {line.request: line.minute for line in lines if line.request}
    if not minutes or not services:
        return {}
    first, last = (datetime.fromtimestamp(of(minutes.values()) * 60, UTC) for of in (min, max))
    since, until = first - AROUND, last + timedelta(minutes=1) + AROUND
    found: dict[Same, Line] = {}
    for day in store.days("logs", since, until):
        with store.reading(day) as (cursor, db):
            rows = (
                f"(SELECT * FROM {db}.rows WHERE time >= '{since:%Y-%m-%d %H:%M}'"
                f" AND time < '{until:%Y-%m-%d %H:%M}' AND {_of(services)} AND {which})"
            )
            sql = (
                f"WITH lines AS (SELECT {_LINE} FROM ({view('logs', db, rows)}))"
                " SELECT * FROM lines WHERE request IN (SELECT unnest($1::VARCHAR[])) ORDER BY seq DESC"
            )
            told = (Line(*row) for row in cursor.execute(sql, [list(minutes)]).fetchall())
            found |= {_same(line): line for line in told}  # newest first, so that the first remains
    return found


def _same(line: Line) -> Same:
    return line.request or "", line.method, unquote(line.path)


def _bad(line: Line) -> bool:
    return verdict(line.status, line.seconds) == "bad"


def _of(services: Collection[str]) -> str:
    listed = ", ".join("'" + service.replace("'", "''") + "'" for service in sorted(services))
    return f"service IN ({listed}) AND method IS NOT NULL AND status IS NOT NULL"
