"""The arithmetic of objectives, as in Google's Site Reliability Workbook, chapter 5, "Alerting on SLOs"
(https://sre.google/workbook/alerting-on-slos/).

A burn rate of 1 spends the whole error budget in exactly the objective's period of 28 days. Each function
returns None where there were no events: no data is not 100 %.
"""

from __future__ import annotations

from nexus.business.windows import Events


def indicator(events: Events) -> float | None:
    """The share of good events (SLI), between 0 and 1."""
    return events.good / events.total if events.total else None


def burn_rate(events: Events, target: float) -> float | None:
    """The share of bad events over the share that the target allows."""
    return events.bad / events.total / (1 - target) if events.total else None


def budget_remaining(events: Events, target: float) -> float | None:
    """What is left of the error budget of a period with these events: 1 all, 0 nothing, below 0 overspent."""
    rate = burn_rate(events, target)
    return None if rate is None else 1 - rate
