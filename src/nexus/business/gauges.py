"""Budgets, burn rates and what is at risk, as points: none where there is no data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nexus.business.budgets import budget_remaining, burn_rate
from nexus.business.point import Point, label_text
from nexus.business.state import Window
from nexus.business.windows import WINDOWS
from nexus.stack import Process


def gauges(
    processes: Iterable[Process], window: Window, status: Mapping[str, Mapping[str, Any]], now: float
) -> Iterator[Point]:
    """The points of all objectives; `status` is what `state.of_process` says of each process."""
    for process in processes:
        for objective in process.objectives:
            labels = {"process": process.name, "objective": objective.name}
            for name in WINDOWS:
                rate = burn_rate(window(process.name, objective.name, name), objective.target)
                yield from _point("nexus_burn_rate", {**labels, "window": name}, rate, now)
            left = budget_remaining(window(process.name, objective.name, "28d"), objective.target)
            yield from _point("nexus_error_budget_remaining", labels, left, now)
        told = status[process.name]
        worth = {"process": process.name, "currency": told["currency"] or ""}
        yield from _point("nexus_value_at_risk_per_hour", worth, told["at_risk_per_hour"], now)


def _point(name: str, labels: Mapping[str, str], value: float | None, now: float) -> Iterator[Point]:
    if value is not None:
        yield Point(name, label_text(labels), "gauge", value, now)
