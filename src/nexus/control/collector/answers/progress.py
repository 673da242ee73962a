"""How the business does since a deploy began, for the guard."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from nexus.business.probing.counting import RUN
from nexus.control.collector.answers.asked import Asked
from nexus.control.collector.answers.figures import OWN_LABELS
from nexus.control.collector.answers.health import failing
from nexus.control.collector.answers.subject import Subject, at, quoted, within
from nexus.stack.burning import FAST_BURN, reachable

BASELINE = timedelta(minutes=15)
AHEAD = timedelta(minutes=1)
USUAL = timedelta(minutes=3)  # before, in which is looked how much memory was used
MEMORY = ("container_memory_working_set_bytes", "process_resident_memory_bytes")
USAGE = ("container_cpu_usage_seconds_total", "container_memory_working_set_bytes")


def progress(subject: Subject, asked: Asked) -> dict[str, Any]:
    """How the business of `module` does since `since`, and did since `before` until then.

    `figures`: its KPIs, those of its processes, and how fast the processes' objectives that count facts burn
    their budget; `health`: the answers to its own question on its business; `probes`: by probe, the step at
    which each run before failed ("" = none did); `usage`: of its containers, `[seconds since the epoch,
    CPU seconds, bytes]` each; `memory_before`: the most bytes that an instance used (None: not known).
    """
    module = asked.must("module")
    since = asked.time("since") or datetime.now(UTC)
    before = asked.time("before") or since - BASELINE
    return {
        "figures": [*_kpis(subject, module, before, since), *_burns(subject, module, before, since)],
        "health": _health(subject, module, before, since),
        "probes": _probes(subject, before, since),
        "usage": _usage(subject, module, since),
        "memory_before": _memory(subject, module, since),
    }


def _mine(subject: Subject, module: str) -> list[Mapping[str, Any]]:
    """The processes that the module carries steps of."""
    return [
        process
        for process in subject.processes.values()
        if any(step["module"] == module for step in process["steps"])
    ]


def _kpis(subject: Subject, module: str, before: datetime, since: datetime) -> list[dict[str, Any]]:
    named = {name for process in _mine(subject, module) for name in process["kpis"]}
    declared = {kpi["name"]: kpi for kpi in subject.kpis if kpi["module"] == module or kpi["name"] in named}
    found = []
    for labels, values in _points(subject, "nexus_kpi", "kpi", declared, before, since):
        kpi = declared[labels["kpi"]]
        own = ", ".join(value for name, value in labels.items() if name not in OWN_LABELS)
        name = f"{kpi['name']} ({own})" if own else kpi["name"]
        told = {"unit": kpi["unit"], "better": kpi["better"], "limit": kpi["limit"]}
        found.append({"name": name, **told, **values})
    return found


def _burns(subject: Subject, module: str, before: datetime, since: datetime) -> list[dict[str, Any]]:
    """Objectives that count requests are left out: both sides are compared by their requests."""
    targets = {
        (process["name"], objective["name"]): objective["target"]
        for process in _mine(subject, module)
        for objective in process["objectives"]
        if objective["kind"] == "facts"
    }
    found = []
    processes = {process for process, _ in targets}
    for labels, values in _points(subject, "nexus_burn_rate", "process", processes, before, since):
        target = targets.get((labels["process"], labels["objective"]))
        if target is not None and labels.get("window") == "5m":
            told = {"unit": "times its budget", "better": "lower", "limit": reachable(FAST_BURN, target)}
            found.append({"name": f"{labels['process']}/{labels['objective']}", **told, **values})
    return found


def _points(
    subject: Subject, metric: str, label: str, values: Iterable[str], before: datetime, since: datetime
) -> list[tuple[dict[str, str], dict[str, list[float]]]]:
    """The values of each series whose `label` is one of these, by whether they were asked before `since`."""
    listed = ", ".join(map(quoted, values))
    if not listed:
        return []
    rows = subject.rows(
        f"SELECT labels, time >= {at(since)} AS now, list(value ORDER BY time) AS told FROM business"
        f" WHERE name = {quoted(metric)} AND {within(before, _end())}"
        f" AND json_extract_string(labels, '$.{label}') IN ({listed}) GROUP BY ALL ORDER BY labels"
    )
    found: defaultdict[str, dict[str, list[float]]] = defaultdict(lambda: {"before": [], "now": []})
    for row in rows:
        found[row["labels"]]["now" if row["now"] else "before"] = row["told"]
    return [(orjson.loads(labels), told) for labels, told in found.items()]


def _health(subject: Subject, module: str, before: datetime, since: datetime) -> dict[str, Any]:
    """An answer that did not change is written down once a minute. That nobody answered says nothing of the
    business: it may have been an instance that was just leaving.
    """
    rows = subject.rows(
        f"SELECT time >= {at(since)} AS now, ok, detail FROM health WHERE service = {quoted(module)}"
        f" AND question = 'business' AND (ok OR json_valid(detail)) AND {within(before, _end())}"
        " ORDER BY time"
    )
    why = next((failing(row["detail"]) or row["detail"] for row in reversed(rows) if not row["ok"]), "")
    return {
        "before": [row["ok"] for row in rows if not row["now"]],
        "now": [row["ok"] for row in rows if row["now"]],
        "why": why,
    }


def _probes(subject: Subject, before: datetime, since: datetime) -> dict[str, list[str]]:
    rows = subject.rows(
        "SELECT json_extract_string(labels, '$.probe') AS probe,"
        " list(json_extract_string(labels, '$.step') ORDER BY time) AS steps FROM business"
        f" WHERE name = {quoted(RUN)} AND {within(before, since)} GROUP BY probe"
    )
    return {row["probe"]: row["steps"] for row in rows}


def _usage(subject: Subject, module: str, since: datetime) -> dict[str, list[list[float]]]:
    """What containers used, by instance."""
    cpu, memory = map(quoted, USAGE)
    rows = subject.rows(
        "SELECT json_extract_string(labels, '$.instance') AS instance, epoch(time) AS at,"
        f" max(value) FILTER (name = {cpu}) AS cpu, max(value) FILTER (name = {memory}) AS memory"
        f" FROM metrics WHERE name IN ({cpu}, {memory}) AND {within(since, _end())}"
        f" AND json_extract_string(labels, '$.service') = {quoted(module)}"
        " GROUP BY instance, time ORDER BY time"
    )
    found: defaultdict[str, list[list[float]]] = defaultdict(list)
    for row in rows:
        if row["cpu"] is not None and row["memory"] is not None:
            found[row["instance"]].append([row["at"], row["cpu"], row["memory"]])
    return found


def _memory(subject: Subject, module: str, until: datetime) -> float | None:
    rows = subject.rows(
        f"SELECT max(value) AS most FROM metrics WHERE name IN ({', '.join(map(quoted, MEMORY))})"
        f" AND {within(until - USUAL, until)} AND json_extract_string(labels, '$.service') = {quoted(module)}"
    )
    most: float | None = rows[0]["most"]
    return most


def _end() -> datetime:
    """Until now, and what clocks may be ahead."""
    return datetime.now(UTC) + AHEAD
