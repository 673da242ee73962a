"""Questions on business processes: what was promised of them, and how much of it is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nexus.control.collector.answers.asked import Asked
from nexus.control.collector.answers.figures import newest
from nexus.control.collector.answers.subject import Subject

BUDGET, BURN, AT_RISK = "nexus_error_budget_remaining", "nexus_burn_rate", "nexus_value_at_risk_per_hour"
LOOKBACK = timedelta(minutes=15)
LONGEST_KPI = timedelta(days=1)


def processes(subject: Subject, asked: Asked) -> dict[str, Any]:
    """Every process of the manifests. Of an objective: `budget`, the share of its error budget that is left
    (below 0 when it is overdrawn), and `burn`, by window, how many times too fast it is spent. `value` is
    the newest value of the KPI that says what an hour of the process is worth, `at_risk` the part of it that
    fails now.
    """
    now = asked.time("at") or datetime.now(UTC)
    told = newest(subject, (BUDGET, BURN, AT_RISK), now, LOOKBACK)
    worth = {}
    if any(process["value"] for process in subject.processes.values()):
        for row in newest(subject, ("nexus_kpi",), now, LONGEST_KPI):
            worth[row["labels"].get("kpi", "")] = (row["value"], row["labels"].get("unit", ""))
    return {"processes": [_process(each, told, worth) for each in subject.processes.values()]}


def _process(
    process: Mapping[str, Any], told: list[dict[str, Any]], worth: Mapping[str, tuple[float, str]]
) -> dict[str, Any]:
    mine = [row for row in told if row["labels"].get("process") == process["name"]]
    value, unit = worth.get(process["value"], (None, ""))
    return {
        "name": process["name"],
        "title": process["title"],
        "kpis": process["kpis"],
        "value": value,
        "unit": unit,
        "at_risk": next((row["value"] for row in mine if row["name"] == AT_RISK), None),
        "objectives": [_objective(objective, mine) for objective in process["objectives"]],
    }


def _objective(objective: Mapping[str, Any], told: list[dict[str, Any]]) -> dict[str, Any]:
    mine = [row for row in told if row["labels"].get("objective") == objective["name"]]
    return {
        "name": objective["name"],
        "title": objective["title"],
        "target": objective["target"],
        "budget": next((row["value"] for row in mine if row["name"] == BUDGET), None),
        "burn": {row["labels"].get("window", ""): row["value"] for row in mine if row["name"] == BURN},
    }
