"""Questions on very many log lines at once, asked of their templates: see `nexus.telemetry.store.lifting`.

Putting ids and numbers back into a line costs more than anything else that is done with it. Whoever needs
none of them does without.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import duckdb

from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.query.statement import where
from nexus.telemetry.store import DayGone, Store, StoreBusy

_COLUMNS = (
    "time, severity, service, instance, release, method, status, duration_ms,"
    " replace(trace_id::VARCHAR, '-', '') AS trace_id, uuid::VARCHAR AS uuid,"
    " split_part(text, '\n', 1) AS path, split_part(text, '\n', 2) AS attributes"
)


def ask_templates(
    store: Store, since: datetime, until: datetime, which: str, question: str
) -> list[dict[str, Any]]:
    """The rows of a question on `lines`: those with `time` within [since, until) of which `which` is true.

    The question is what follows `WITH lines AS (...)`: a SELECT, or a comma and further expressions.

    Ids and the numbers of JSON are missing in their `path` and `attributes`: in place of a line's `uuid`
    stands `UUID` of `nexus.telemetry.store.lifting`. Raises QueryError.
    """
    with ExitStack() as stack:
        parts = []
        cursor = stack.enter_context(store.engine.cursor())
        for day in store.days("logs", since, until):
            try:
                _, db = stack.enter_context(store.reading(day))
            except (DayGone, StoreBusy):
                continue
            parts.append(f"SELECT {_COLUMNS} FROM {db}.rows WHERE {_within(since, until)} AND {which}")
        if not parts:
            return []
        try:
            cursor.execute(f"WITH lines AS ({' UNION ALL '.join(parts)}){question}")
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except duckdb.Error as error:
            raise QueryError(where(error)) from error


def text_of(name: str) -> str:
    """SQL of the text that `attributes` have under a name ("" when they have none)."""
    return f'regexp_extract(attributes, \'"{name}":"([^"]*)"\', 1)'


def _within(since: datetime, until: datetime) -> str:
    first, last = (f"TIMESTAMP '{each.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'" for each in (since, until))
    return f"time >= {first} AND time < {last}"
