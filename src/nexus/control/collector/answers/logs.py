"""Questions on log lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nexus.control.collector.answers.asked import NO_CHOICE, NO_WINDOW, Asked, Misasked
from nexus.control.collector.answers.subject import Subject, within
from nexus.control.collector.answers.things import lines_of
from nexus.control.collector.answers.traces import resolve
from nexus.telemetry.query import LogQuery
from nexus.telemetry.query import logs as find
from nexus.telemetry.records import SEVERITIES

MOST_LINES = 100_000
LATE = 2.0  # seconds that taking in may be behind before it is told
LEVELS = {**{name: name for name in SEVERITIES}, "warning": "warn", "critical": "fatal"}


def query_of(subject: Subject, asked: Asked) -> LogQuery:
    """The question that parameters ask."""
    since, until = asked.time("since"), asked.time("until")
    if since and until and since >= until:
        raise Misasked(NO_WINDOW, since=since.isoformat(), until=until.isoformat())
    level, trace = asked.one("level"), asked.one("trace")
    if level is not None and level.lower() not in LEVELS:
        raise Misasked(NO_CHOICE, name="level", value=level, known=", ".join(SEVERITIES))
    return LogQuery(
        services=asked.all("service"),
        since=since,
        until=until,
        level=LEVELS[level.lower()] if level else None,
        grep=asked.one("grep"),
        text=asked.one("text"),
        where=asked.pairs("where"),
        trace=resolve(subject, trace) if trace else None,
        after=asked.one("after"),
        limit=asked.whole("limit", 1000, MOST_LINES),
        newest=asked.one("after") is None,
    )


def logs(subject: Subject, asked: Asked) -> dict[str, Any]:
    """Rows in the order of time, oldest first unless `order=desc`, and a cursor to go on from. With `of`, of
    which each is an attribute and its value: lines that name one of these, and those of the traces that do.
    `services` tells who has lines at all when none was found of those that were asked for.
    """
    query, things = query_of(subject, asked), asked.pairs("of")
    if things:
        rows, cursor = lines_of(subject, query, things), ""
    else:
        rows, cursor = page(subject, query)
    if asked.choice("order", "asc", "desc") == "desc":
        rows = rows[::-1]
    answer = {"rows": rows, "cursor": cursor, "full": len(rows) >= query.limit > 0}
    if query.services and not rows:
        answer["services"] = writers(subject)
    return {**answer, "missing": missing(subject, query)}


def writers(subject: Subject) -> list[str]:
    """Every service that has lines."""
    return [row["service"] for row in subject.rows("SELECT DISTINCT service FROM logs ORDER BY service")]


def page(subject: Subject, query: LogQuery) -> tuple[list[dict[str, Any]], str]:
    """Rows and the cursor to go on from; a limit of 0 asks for the cursor alone."""
    found = find(subject.store, replace(query, limit=max(1, query.limit)))
    return found.rows[: query.limit], found.cursor


def missing(subject: Subject, query: LogQuery) -> dict[str, Any]:
    """What the rows do not show: lines `dropped` in the asked time (the last hour), by service and reason,
    and by how many seconds the intake of a service is `behind`.
    """
    until = query.until or datetime.now(UTC)
    since = query.since or until - timedelta(hours=1)
    dropped: dict[str, dict[str, int]] = {}
    counted = f"SELECT service, why, sum(count) AS count FROM drops WHERE {within(since, until)}"
    for row in subject.rows(f"{counted} GROUP BY service, why ORDER BY service, why"):
        if _concerns(query, row["service"]):
            dropped.setdefault(row["service"], {})[row["why"]] = int(row["count"])
    behind: dict[str, float] = {}
    for source in subject.parts().get("logs", {}).get("sources", {}).values():
        service, seconds = source["service"], source["behind_seconds"]
        if seconds >= LATE and _concerns(query, service):
            behind[service] = max(seconds, behind.get(service, 0.0))
    return {"dropped": dropped, "behind": behind}


def _concerns(query: LogQuery, service: str) -> bool:
    return not query.services or service in query.services
