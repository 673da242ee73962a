"""The state of a process in one structure: for people at a terminal, and for alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from nexus.business.budgets import budget_remaining, burn_rate, indicator
from nexus.business.windows import WINDOWS, Events
from nexus.stack import Objective, Process, Step
from nexus.stack.burning import FAST_BURN, reachable

RECENT = ("5m", "1h")  # what happens now: the shortest of these windows that has events
EXHAUSTED = 1.0  # burn rate over the longest window at which the budget is spent


class Window(Protocol):
    """Asks for the events of a process' objective in a window, of one step or of all."""

    def __call__(self, process: str, objective: str, window: str, step: str | None = None) -> Events: ...


def of_process(
    process: Process, window: Window, kpis: Mapping[str, Mapping[str, Any]], errors: Mapping[str, str]
) -> dict[str, Any]:
    """Everything that is known of a process.

    `state` is `no data`, `ok`, `slow` or `failing` (an objective burns its budget fast, now), or `spent` (no
    error budget is left). `value_per_hour` is the worth of an hour in `currency`, `at_risk_per_hour` the part
    of it in which something fails now; None where it is not known.
    """
    objectives = [_objective(process, each, window, errors) for each in process.objectives]
    worth = _worth(process, kpis)
    failing = _failing(process, window)
    return {
        "name": process.name,
        "title": dict(process.title),
        "state": _state(objectives),
        "objectives": objectives,
        "steps": [_step(process, step, window) for step in process.steps],
        "worst_step": _worst(process, window),
        "kpis": [dict(kpis[name]) for name in process.kpis if name in kpis],
        "currency": kpis[process.value]["unit"] if process.value in kpis else None,
        "value_per_hour": worth,
        "failing_share": failing,
        "at_risk_per_hour": None if worth is None or failing is None else worth * failing,
    }


def _objective(
    process: Process, objective: Objective, window: Window, errors: Mapping[str, str]
) -> dict[str, Any]:
    events = {name: window(process.name, objective.name, name) for name in WINDOWS}
    longest = events["28d"]
    return {
        "name": objective.name,
        "title": dict(objective.title),
        "kind": objective.kind,
        "target": objective.target,
        "within": objective.within,
        "good": longest.good,
        "events": longest.total,
        "indicator": indicator(longest),
        "budget_remaining": budget_remaining(longest, objective.target),
        "burn_rates": {name: burn_rate(each, objective.target) for name, each in events.items()},
        "error": errors.get(f"objective {process.name}/{objective.name}", ""),
    }


def _state(objectives: list[dict[str, Any]]) -> str:
    known = [each for each in objectives if each["events"]]
    fast = [each for each in known if _fast(each)]
    if any(each["kind"] != "latency" for each in fast):
        return "failing"
    if fast:
        return "slow"
    if any(each["burn_rates"]["28d"] > EXHAUSTED for each in known):
        return "spent"
    return "ok" if known else "no data"


def _fast(objective: dict[str, Any]) -> bool:
    rate = reachable(FAST_BURN, objective["target"])
    return all((objective["burn_rates"][name] or 0) >= rate for name in RECENT)


def _recent(window: Window, process: Process, objective: Objective, step: str | None = None) -> Events:
    """The events of the shortest recent window that has any."""
    found = (window(process.name, objective.name, name, step) for name in RECENT)
    return next((events for events in found if events.total), Events(0, 0))


def _failing(process: Process, window: Window) -> float | None:
    """The largest share of bad events now, of any objective that is not about speed."""
    told = [_recent(window, process, each) for each in process.objectives if each.kind != "latency"]
    return max((events.bad / events.total for events in told if events.total), default=None)


def _step(process: Process, step: Step, window: Window) -> dict[str, Any]:
    """How a step's requests went lately; without requests of its own it has no events."""
    told: dict[str, Any] = {"name": step.name, "module": step.module, "title": dict(step.title)}
    for objective in process.objectives:
        if objective.kind != "facts":
            events = _recent(window, process, objective, step.name)
            said = {"good": events.good, "events": events.total, "indicator": indicator(events)}
            told[objective.name] = said
    return told


def _worst(process: Process, window: Window) -> str | None:
    """The step with the largest share of bad events now; None when all is well."""
    shares: dict[str, float] = {}
    for step in process.steps:
        for objective in process.objectives:
            events = _recent(window, process, objective, step.name)
            if events.bad:
                share = events.bad / events.total
                shares[step.name] = max(share, shares.get(step.name, 0.0))
    return max(shares, key=lambda name: shares[name], default=None)


def _worth(process: Process, kpis: Mapping[str, Mapping[str, Any]]) -> float | None:
    values = kpis[process.value]["values"] if process.value in kpis else []
    return float(values[0]["value"]) if values else None
