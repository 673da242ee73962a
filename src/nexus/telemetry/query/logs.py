"""Log lines: searched, newest first or from a cursor on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import orjson

from nexus.telemetry.query.conditions import (
    Conditions,
    check_regexp,
    contains,
    log_attribute,
    matches,
    one_of,
    trace_id,
    within,
)
from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.records import SEVERITIES
from nexus.telemetry.store import DayGone, Store
from nexus.telemetry.store.days import Day
from nexus.telemetry.store.layout import view
from nexus.telemetry.store.lifting import NO_PATH, lifted_back

_TEXTS = ("service", "instance", "release", "method", "route")
_NUMBERS = ("severity", "status", "duration_ms")
_PATH = f"nullif(split_part({lifted_back()}, '\n', 1), '{NO_PATH}')"


@dataclass(frozen=True)
class LogQuery:
    """Which log lines. All conditions must hold.

    `since` (included) and `until` (not included) bound their time; `level` is the lowest severity's name;
    `grep` is a RE2 regexp and `text` a plain text that the body, path or attributes contain (a regexp's ^
    and $ are the ends of a line); `where` are pairs of a column's or an attribute's name and its value;
    `trace` is a trace id. `after` is the cursor of an earlier page: only lines committed since are given,
    the first of them when there are more than `limit`. Otherwise the newest `limit` lines are given, or with
    `newest` false the oldest.
    """

    services: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    level: str | None = None
    grep: str | None = None
    text: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    trace: str | None = None
    after: str | None = None
    limit: int = 1000
    newest: bool = True


@dataclass(frozen=True)
class LogPage:
    """Lines in the order of their time, and the cursor from which to go on following."""

    rows: list[dict[str, Any]]
    cursor: str


def logs(store: Store, query: LogQuery) -> LogPage:
    """Search the logs. Raises QueryError for a question that is no question."""
    committed = store.committed("logs")
    conditions = _conditions(query)
    if query.grep:
        with store.engine.cursor() as asking:
            check_regexp(asking, query.grep)
    after = _after(query.after)
    if after is None:
        order = "time DESC, seq DESC" if query.newest else "time, seq"
    else:
        conditions.add("seq > ? AND seq <= ?", after, committed)
        order = "seq"
    rows: list[dict[str, Any]] = []
    for day in _days(store, query, after):
        if after is None and len(rows) >= query.limit and not _may_add(day, rows, query.newest):
            continue
        rows = _best(rows + _ask(store, day, conditions, order, query.limit), order, query.limit)
    cursor = rows[-1]["seq"] if after is not None and len(rows) == query.limit else committed
    rows.sort(key=lambda row: (row["time"], row["seq"]))
    return LogPage([_told(row) for row in rows], str(cursor))


def _after(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit():
        raise QueryError(f"{cursor!r} is no cursor: give back what the last page gave")
    return int(cursor)


def _days(store: Store, query: LogQuery, after: int | None) -> list[Day]:
    days = store.days("logs", query.since, query.until)
    if after is not None:
        return [day for day in days if day.seq > after]
    return days if query.newest else days[::-1]


def _may_add(day: Day, rows: list[dict[str, Any]], newest: bool) -> bool:
    """Whether a file may have a line that takes the place of the last of a full page."""
    edge = rows[-1]["time"]
    if newest:
        return day.last is not None and day.last >= edge
    return day.first is not None and day.first <= edge


def _best(rows: list[dict[str, Any]], order: str, limit: int) -> list[dict[str, Any]]:
    by_seq = order == "seq"
    rows.sort(key=lambda row: (row["seq"],) if by_seq else (row["time"], row["seq"]), reverse="DESC" in order)
    return rows[:limit]


def _ask(store: Store, day: Day, conditions: Conditions, order: str, limit: int) -> list[dict[str, Any]]:
    try:
        with store.reading(day) as (cursor, db):
            chosen = f"(FROM {db}.rows{conditions.where} ORDER BY {order} LIMIT {limit:d})"
            table = cursor.execute(view("logs", db, chosen), conditions.values).to_arrow_table()
    except DayGone:
        return []
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise QueryError(f"the search cannot be done: {str(error).splitlines()[0]}") from error
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        row["time"] = row["time"].replace(tzinfo=UTC)
    return rows


def _conditions(query: LogQuery) -> Conditions:
    conditions = Conditions()
    within(conditions, query.since, query.until)
    one_of(conditions, "service", query.services)
    if query.level:
        if query.level.lower() not in SEVERITIES:
            raise QueryError(f"{query.level!r} is no level: {', '.join(SEVERITIES)}")
        conditions.add("severity >= ?", SEVERITIES[query.level.lower()])
    if query.trace:
        conditions.add("trace_id = ?::UUID", trace_id(query.trace))
    for field, value in query.where:
        _where(conditions, field, value)
    if query.text:
        contains(conditions, query.text)
    if query.grep:
        matches(conditions, query.grep)
    return conditions


def _where(conditions: Conditions, field: str, value: str) -> None:
    if field == "trace_id":
        conditions.add("trace_id = ?::UUID", trace_id(value))
    elif field == "span_id":
        conditions.add("span_id = TRY_CAST('0x' || ? AS UBIGINT)", value)
    elif field in _TEXTS:
        conditions.add(f"{field} = ?", value)
    elif field in _NUMBERS:
        conditions.add(f"{field} = TRY_CAST(? AS FLOAT)", value)
    elif field == "path":
        contains(conditions, value)
        conditions.add(f"{_PATH} = ?", value)
    elif field == "body":
        contains(conditions, value)
        conditions.add(f"ends_with({lifted_back()}, ?)", f"\n{value}")
    else:
        log_attribute(conditions, field, value)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    row = dict(row)
    del row["seq"]
    row["observed"] = row["observed"].replace(tzinfo=UTC)
    row["attributes"] = _attributes(row["attributes"])
    return row


def _attributes(text: str) -> Any:
    try:
        return orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {"": text}
