"""Questions on health: what every instance answers now, and when its answers changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from nexus.control.collector.answers.asked import Asked
from nexus.control.collector.answers.subject import Subject, quoted, within

RECENT = timedelta(minutes=3)  # an unchanged answer is written down once a minute
HOUR = timedelta(hours=1)
MOST_CHANGES = 500
LONGEST_SUMMARY = 200


def health(subject: Subject, asked: Asked) -> dict[str, Any]:
    """`now`: the newest answer of every instance to every question. `changes`: since an hour ago, oldest
    first, whenever an answer became another one. `facts`: telemetry's own.
    """
    since, until = asked.window(HOUR)
    services = ", ".join(quoted(name) for name in asked.all("service"))
    only = f" AND service IN ({services})" if services else ""
    now = datetime.now(UTC)
    latest = subject.rows(
        "SELECT service, instance, question, max(time) AS time, arg_max(ok, time) AS ok, "
        "arg_max(duration_ms, time) AS duration_ms, arg_max(detail, time) AS detail FROM health "
        f"WHERE {within(now - RECENT, now + HOUR)}{only} GROUP BY ALL ORDER BY service, instance, question"
    )
    changes = subject.rows(
        "SELECT time, service, instance, question, ok, detail FROM (SELECT *, lag(ok) OVER "
        "(PARTITION BY service, instance, question ORDER BY time) AS before FROM health "
        f"WHERE {within(since, until)}{only}) WHERE ok IS DISTINCT FROM before "
        f"AND NOT (ok AND before IS NULL) ORDER BY time DESC LIMIT {MOST_CHANGES}"
    )
    return {
        "now": [_told(row) for row in latest],
        "changes": [_told(row) for row in reversed(changes)],
        "facts": facts(subject, asked),
    }


def facts(subject: Subject, asked: Asked) -> dict[str, Any]:
    """What the store holds, and what every part of telemetry says of itself."""
    return {"store": subject.store.facts(), "parts": dict(subject.parts())}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    why = failing(row["detail"]) or ("" if row["ok"] else row["detail"][:LONGEST_SUMMARY])
    return {**row, "why": why}


def failing(detail: str) -> str:
    """What an answer names as wrong, by the module contract; "" when it names nothing."""
    try:
        told = orjson.loads(detail)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(told, dict):
        return ""
    parts = []
    if isinstance(told.get("checks"), dict):
        parts = [f"{name}: {_reason(check)}" for name, check in told["checks"].items() if not _well(check)]
    if isinstance(told.get("broken"), list):
        numbers = told["numbers"] if isinstance(told.get("numbers"), dict) else {}
        parts += [f"{name} = {numbers.get(name, '?')}" for name in told["broken"]]
    return "; ".join(parts)[:LONGEST_SUMMARY]


def _well(check: Any) -> bool:
    return check.get("ok") is not False if isinstance(check, dict) else check is not False


def _reason(check: Any) -> str:
    return str(check.get("detail") or "failed") if isinstance(check, dict) else "failed"
