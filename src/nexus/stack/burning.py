"""When an error budget is spent too fast, for everybody who says so: the state of a process, alerts,
dashboards and the command line.

As in Google's Site Reliability Workbook, chapter 5, "Alerting on SLOs"
(https://sre.google/workbook/alerting-on-slos/).
"""

from __future__ import annotations

FAST_BURN = 14.4  # over an hour: 2 % of a month's budget are gone in it
MOST_BAD = 0.9  # share of bad events at which every budget is spent fast, whatever its target


def reachable(factor: float, target: float) -> float:
    """The burn rate that counts as `factor` for an objective with this target: less where even a failure of
    nearly everything is no such rate, but never below 1, at which the budget lasts for its whole period.
    """
    return max(1.0, min(factor, round(MOST_BAD / (1 - target), 6)))
