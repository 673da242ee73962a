"""Questions on metrics, in PromQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nexus.control.collector.answers.asked import Asked, Misasked
from nexus.control.collector.answers.subject import Subject, within
from nexus.telemetry.query import instant as evaluate
from nexus.telemetry.query import metrics as evaluate_range

MOST_POINTS = 11_000  # of one series, as Prometheus allows
MOST_SERIES = 1_000
POINTS = 120  # of a series when no step is named
SHORTEST_STEP = 5.0
HOUR = timedelta(hours=1)


def query(subject: Subject, asked: Asked) -> dict[str, Any]:
    """The values of the expression `expr` from `start` to `end` (the last hour), every `step` seconds."""
    end = asked.time("end") or datetime.now(UTC)
    start = asked.time("start") or end - HOUR
    if start >= end:
        raise Misasked("start={start} is not before end={end}", start=start.isoformat(), end=end.isoformat())
    lasting = (end - start).total_seconds()
    step = asked.positive("step", max(SHORTEST_STEP, round(lasting / POINTS)))
    if lasting / step > MOST_POINTS:
        raise Misasked(
            "step={step:g} gives more than {most} points a series; choose a longer one",
            step=step,
            most=MOST_POINTS,
        )
    found = evaluate_range(subject.store, asked.must("expr"), start, end, step)
    return {
        "start": start,
        "end": end,
        "step": step,
        "series": [{"labels": each.labels, "points": each.points} for each in found[:MOST_SERIES]],
        "left_out": max(0, len(found) - MOST_SERIES),
    }


def instant(subject: Subject, asked: Asked) -> dict[str, Any]:
    """The values of the expression `expr` at a point of time (now)."""
    when = asked.time("at") or datetime.now(UTC)
    found = evaluate(subject.store, asked.must("expr"), when)
    samples = [{"labels": labels, "value": value} for labels, value in found[:MOST_SERIES]]
    return {"at": when, "samples": samples, "left_out": max(0, len(found) - MOST_SERIES)}


def names(subject: Subject, asked: Asked) -> dict[str, Any]:
    """The metrics that were seen within a time (the last ten minutes), each with its kind and its series."""
    recent = within(*asked.window(timedelta(minutes=10)))
    rows = subject.rows(
        "SELECT name, any_value(kind) AS kind, count(DISTINCT labels) AS series FROM ("
        f"SELECT name, kind, labels FROM metrics WHERE {recent} UNION ALL "
        f"SELECT name, kind, labels FROM business WHERE {recent}) GROUP BY name ORDER BY name"
    )
    return {"metrics": rows}
