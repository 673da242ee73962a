"""Questions on KPIs: their values now, what they were, and how they went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from nexus.control.collector.answers.asked import Asked, Misasked
from nexus.control.collector.answers.subject import Subject, quoted, within

DAY = timedelta(days=1)
SLOTS = 24  # into which the asked time is divided, and the same time before it
POINTS = 120  # of a history
OWN_LABELS = ("kpi", "module", "unit")


def kpis(subject: Subject, asked: Asked) -> dict[str, Any]:
    """Every KPI of the manifests. `value` is the newest since a day ago; `trend` are the means of 24 equal
    parts of that time, `before` the mean of the part that lies one such time before the newest value.
    """
    since, until = asked.window(DAY)
    width = (until - since) / SLOTS
    rows = _slots(subject, since - (until - since), until, width.total_seconds(), "")
    return {"since": since, "until": until, "kpis": _entries(subject, rows)}


def kpi(subject: Subject, asked: Asked) -> dict[str, Any]:
    """The history of the KPI `name`: points since a day ago, one list for each combination of its labels."""
    name = asked.must("name")
    declared = [each for each in subject.kpis if each["name"] == name]
    since, until = asked.window(DAY)
    seconds = max(1.0, (until - since).total_seconds() / POINTS)
    rows = _slots(subject, since, until, seconds, name)
    if not declared and not rows:
        known = ", ".join(sorted(each["name"] for each in subject.kpis)) or "-"
        raise Misasked("no KPI {name!r}; there are: {known}", name=name, known=known)
    series: dict[str, dict[str, Any]] = {}
    for row in rows:
        each = series.setdefault(row["labels"], {"labels": _labels(row["labels"]), "points": []})
        each["points"].append([since.timestamp() + (row["slot"] + 0.5) * seconds, row["mean"]])
    entry = _entry(declared[0] if declared else _undeclared(orjson.loads(rows[0]["labels"])), [])
    return {**entry, "since": since, "until": until, "step": seconds, "series": list(series.values())}


def newest(
    subject: Subject, names: Iterable[str], until: datetime, lookback: timedelta
) -> list[dict[str, Any]]:
    """The newest value of every series of these metrics of the signal `business`."""
    listed = ", ".join(quoted(name) for name in names)
    rows = subject.rows(
        "SELECT name, labels, arg_max(value, time) AS value, max(time) AS time FROM business "
        f"WHERE name IN ({listed}) AND {within(until - lookback, until)} GROUP BY name, labels"
    )
    return [{**row, "labels": orjson.loads(row["labels"])} for row in rows]


def _slots(
    subject: Subject, since: datetime, until: datetime, seconds: float, name: str
) -> list[dict[str, Any]]:
    """Means of a KPI (all when `name` is empty) by equal parts of the time, with the last value of each."""
    only = f" AND json_extract_string(labels, '$.kpi') = {quoted(name)}" if name else ""
    return subject.rows(
        "SELECT labels, CAST(floor((epoch(time) - "
        f"{since.timestamp():.6f}) / {seconds:.6f}) AS INTEGER) AS slot, avg(value) AS mean, "
        "arg_max(value, time) AS last, max(time) AS time FROM business "
        f"WHERE name = 'nexus_kpi' AND {within(since, until)}{only} "
        "GROUP BY labels, slot ORDER BY labels, slot",
        limit=100_000,
    )


def _entries(subject: Subject, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a KPI, in the order of the manifests; what they do not declare (any more) comes last."""
    declared = {(each["module"], each["name"]): each for each in subject.kpis}
    by_kpi: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        told = _undeclared(orjson.loads(row["labels"]))
        key = (told["module"], told["name"])
        declared.setdefault(key, told)
        by_kpi.setdefault(key, {}).setdefault(row["labels"], []).append(row)
    return [
        _entry(kpi, [_value(*item) for item in by_kpi.get(key, {}).items()]) for key, kpi in declared.items()
    ]


def _undeclared(labels: Mapping[str, str]) -> dict[str, str]:
    """What points themselves say of their KPI."""
    return {"module": labels.get("module", ""), "name": labels.get("kpi", ""), "unit": labels.get("unit", "")}


def _entry(declared: Mapping[str, Any], values: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "module": declared.get("module", ""),
        "name": declared["name"],
        "title": declared.get("title", {}),
        "unit": declared.get("unit", ""),
        "better": declared.get("better"),
        "limit": declared.get("limit"),
        "every": declared.get("every"),
        "values": values,
    }


def _value(labels: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    means = {row["slot"]: row["mean"] for row in rows}
    last = rows[-1]
    return {
        "labels": _labels(labels),
        "value": last["last"],
        "time": last["time"],
        "before": means.get(last["slot"] - SLOTS),
        "trend": [means.get(slot) for slot in range(SLOTS, 2 * SLOTS)],
    }


def _labels(text: str) -> dict[str, str]:
    return {name: value for name, value in orjson.loads(text).items() if name not in OWN_LABELS}
