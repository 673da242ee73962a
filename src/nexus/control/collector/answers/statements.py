"""Questions in SQL."""

from __future__ import annotations

from typing import Any

from nexus.control.collector.answers.asked import Asked
from nexus.control.collector.answers.subject import Subject
from nexus.telemetry.query import sql as select

MOST_ROWS = 100_000
PATIENCE = 30.0  # seconds


def sql(subject: Subject, asked: Asked) -> dict[str, Any]:
    """The rows of the SELECT `text`, at most `limit` of them; `full` when there may be more."""
    limit = asked.whole("limit", 1_000, MOST_ROWS)
    answer = select(subject.store, asked.must("text"), limit, PATIENCE)
    return {"columns": answer.columns, "rows": answer.rows, "full": answer.more}
