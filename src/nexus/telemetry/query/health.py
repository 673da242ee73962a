"""The history of health answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from nexus.telemetry.query.conditions import Conditions, one_of, within
from nexus.telemetry.query.rows import fetch, read_json, told
from nexus.telemetry.store import Store


def health(
    store: Store,
    services: Iterable[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 1000,
) -> list[dict[str, Any]]:
    """The newest `limit` answers of services (none: all) with time in [since, until), newest first.

    `detail` is what the service answered, or the text that says why there was no answer.
    """
    conditions = Conditions()
    within(conditions, since, until)
    one_of(conditions, "service", services)
    rows = fetch(store, "health", conditions, "time DESC, seq DESC", limit, since, until)
    rows.sort(key=lambda row: (row["time"], row["seq"]), reverse=True)
    return [{**told(row), "detail": read_json(row["detail"])} for row in rows[:limit]]
