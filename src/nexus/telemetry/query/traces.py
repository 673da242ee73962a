"""Traces: the spans of one, and those that have to do with something, such as an order."""

from __future__ import annotations

from typing import Any

from nexus.telemetry.query.conditions import Conditions, attribute, log_attribute, trace_id
from nexus.telemetry.query.rows import fetch, told
from nexus.telemetry.store import DayGone, Store

_SPANS = 20_000
_TRACES = 100
_COLUMNS = ("service", "instance", "release", "name", "kind", "status")


def trace(store: Store, trace_id_: str) -> list[dict[str, Any]]:
    """The spans of a trace in the order of their start. Raises QueryError when it is no trace id."""
    return _spans(store, [trace_id(trace_id_)])


def traces_of(store: Store, field: str, value: str) -> list[dict[str, Any]]:
    """The spans of the newest 100 traces in which a span or a log line has an attribute with a value.

    They come trace by trace, each in the order of its spans' start, the newest trace last.
    """
    found = dict.fromkeys([*_by_spans(store, field, value), *_by_logs(store, field, value)])
    return _spans(store, list(found)[:_TRACES])


def _spans(store: Store, ids: list[str]) -> list[dict[str, Any]]:
    if not ids:
        return []
    conditions = Conditions()
    conditions.add("list_contains(?::UUID[], trace_id)", ids)
    spans = [told(row) for row in fetch(store, "traces", conditions, "time, seq", _SPANS)]
    begins: dict[str, Any] = {}
    for span in spans:
        begins[span["trace_id"]] = min(span["time"], begins.get(span["trace_id"], span["time"]))
    return sorted(spans, key=lambda span: (begins[span["trace_id"]], span["trace_id"], span["time"]))


def _by_spans(store: Store, field: str, value: str) -> list[str]:
    conditions = Conditions()
    if field in _COLUMNS:
        conditions.add(f"{field} = ?", value)
    else:
        attribute(conditions, "attributes", field, value)
    return [row["trace_id"] for row in fetch(store, "traces", conditions, "time DESC", 10 * _TRACES)]


def _by_logs(store: Store, field: str, value: str) -> list[str]:
    conditions = Conditions()
    conditions.add("trace_id IS NOT NULL")
    log_attribute(conditions, field, value)
    sql = "SELECT replace(trace_id::VARCHAR, '-', '') FROM {db}.rows{where} ORDER BY time DESC LIMIT {limit}"
    ids: list[str] = []
    for day in store.days("logs"):
        try:
            with store.reading(day) as (cursor, db):
                statement = sql.format(db=db, where=conditions.where, limit=10 * _TRACES)
                ids += [id_ for (id_,) in cursor.execute(statement, conditions.values).fetchall()]
        except DayGone:
            continue
    return ids
