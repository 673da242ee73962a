"""How strict the guard is."""

from __future__ import annotations

from dataclasses import dataclass

from nexus.releases.guard.lasting import APART


@dataclass(frozen=True)
class Settings:
    """What is tolerated, and how sure the guard must be.

    `alpha` is the probability, over all looks of one step, with which one test blames a release that is as
    good as the other; four tests in four steps stay below 1 %. Two sides over the same minutes are compared
    strictly; before and after less so, because users and machines change too.

    A rate is worse when it is more than `ratio` times the other's and more than `floor` above it. A request
    is slow when it takes more than `tolerance` times the other side's 95th percentile and `slack_ms` besides;
    `slow_share` of all may be. What goes wrong must have `lasted` so many seconds. At least `fewest` failures
    blame somebody. `least` requests, those of probes included, are enough to promote, unless there is a
    `doubt`: as `alpha`, for what is not proven yet.
    """

    alpha: float = 0.0005
    doubt: float = 0.05
    least: int = 30
    fewest: int = 3
    lasted: float = 0.0
    error_ratio: float = 1.5
    error_floor: float = 0.002
    refusal_ratio: float = 2.0
    refusal_floor: float = 0.05
    tolerance: float = 1.5
    slack_ms: float = 20.0
    slow_share: float = 0.1
    slow_ratio: float = 2.0
    alone_error_share: float = 0.05  # may fail where there is nothing to compare with
    unready: float = 10.0  # seconds, while the other side is ready
    cpu_limit: float = 0.9
    cpu_other: float = 0.7
    memory_limit: float = 0.9
    memory_other: float = 0.8
    memory_horizon: float = 900.0  # seconds within which growth must not reach the limit
    memory_growth: float = 0.06  # of the limit; less is warming up
    probe_failures: int = 2  # in a row
    grace: float = 15.0  # seconds beyond all patience in which a suspicion may be confirmed or go away
    figure_values: int = 2  # in a row
    figure_change: float = 0.5  # of what it was
    figure_deviations: float = 6.0
    figure_chance: float = 1e-4  # with which a count falls so far


BESIDE = Settings()
BEFORE = Settings(
    lasted=APART,
    error_ratio=3.0,
    error_floor=0.01,
    refusal_ratio=3.0,
    refusal_floor=0.1,
    tolerance=2.0,
    slow_ratio=3.0,
)
