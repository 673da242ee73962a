"""Rows of a signal's files as plain values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from nexus.telemetry.query.conditions import Conditions
from nexus.telemetry.records import Signal
from nexus.telemetry.store import DayGone, Store
from nexus.telemetry.store.layout import view

_JSON: dict[str, Any] = {"attributes": {}, "events": [], "links": []}


def fetch(
    store: Store,
    signal: Signal,
    conditions: Conditions,
    order: str,
    limit: int,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[dict[str, Any]]:
    """At most `limit` rows of each file that meet the conditions, files from the newest on."""
    rows: list[dict[str, Any]] = []
    for day in store.days(signal, since, until):
        try:
            with store.reading(day) as (cursor, db):
                chosen = f"(FROM {db}.rows{conditions.where} ORDER BY {order} LIMIT {limit:d})"
                rows += (
                    cursor.execute(view(signal, db, chosen), conditions.values).to_arrow_table().to_pylist()
                )
        except DayGone:
            continue
    return rows


def told(row: dict[str, Any]) -> dict[str, Any]:
    """The row without the store's own number, with times in UTC and JSON read."""
    return {name: _plain(name, value) for name, value in row.items() if name != "seq"}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if name in _JSON:
        return read_json(value) if value else _JSON[name].copy()
    return value


def read_json(text: str) -> Any:
    """What a JSON text holds; the text itself when it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
