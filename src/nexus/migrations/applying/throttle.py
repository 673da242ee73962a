"""How backfills make way for users: how long to pause after a batch, how large the next one is, and why.

Pure: figures in, a decision out. `throttle_figures` reads the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

from nexus.migrations.applying.settings import Throttle

SMALLEST = 100  # rows; smaller batches cost more in commits than they spare in locks
LARGEST = 4  # times what was asked for
LOOK_AGAIN = 1.0  # seconds until what was too much is looked at again
LONGEST_PAUSE = 10.0  # seconds


@dataclass(frozen=True)
class Figures:
    """How a batch went. Times in seconds.

    `size`: rows that it went over. `took`: its work; `commit`: its commit alone. `lag`: of the slowest
    replica, whose name is `replica`; None without one. `waited`: sessions that waited for the batch's locks.
    `pressure`: of the platform, 0 = users do not wait at all, 1 = pause.
    """

    size: int
    took: float
    commit: float = 0.0
    lag: float | None = None
    replica: str = ""
    waited: int = 0
    pressure: float = 0.0


@dataclass(frozen=True)
class Decision:
    """`pause` seconds, then look at the figures `again` or go on with `size` rows. `why`: "" for the usual
    pause.
    """

    pause: float
    size: int
    again: bool = False
    why: str = ""


def bounds(asked: int) -> tuple[int, int]:
    """The smallest and the largest batch of a statement whose author asked for `asked` rows."""
    return min(SMALLEST, asked), asked * LARGEST


def decide(throttle: Throttle, asked: int, figures: Figures) -> Decision:
    """What to do after a batch."""
    size = _size(throttle, asked, figures)
    if figures.lag is not None and figures.lag > throttle.max_lag:
        why = f"replica {figures.replica} lags {figures.lag:.1f} s > {throttle.max_lag:g} s"
        return Decision(LOOK_AGAIN, size, again=True, why=why)
    if figures.pressure >= 1:
        return Decision(LOOK_AGAIN, size, again=True, why=f"users wait: pressure {figures.pressure:.2f} ≥ 1")
    usual = figures.took * max(0.0, 1 / throttle.share - 1)
    if figures.commit > throttle.max_latency:
        longer = usual + figures.commit * figures.commit / throttle.max_latency
        why = f"a commit takes {figures.commit * 1000:.0f} ms > {throttle.max_latency * 1000:.0f} ms"
        return Decision(min(longer, LONGEST_PAUSE), size, why=why)
    if figures.waited:
        one = figures.waited == 1
        why = f"{figures.waited} session{' waits' if one else 's wait'} for rows of the batch"
        return Decision(min(usual + figures.took, LONGEST_PAUSE), size, why=why)
    if figures.pressure > 0:
        longer = usual + figures.took * figures.pressure / (1 - figures.pressure)
        return Decision(min(longer, LONGEST_PAUSE), size)
    return Decision(min(usual, LONGEST_PAUSE), size)


def _size(throttle: Throttle, asked: int, figures: Figures) -> int:
    """At most doubled or halved, so that one odd batch does not throw it off."""
    smallest, largest = bounds(asked)
    factor = min(2.0, max(0.5, throttle.batch_seconds / max(figures.took, 1e-6)))
    if figures.waited or figures.commit > throttle.max_latency:
        factor = 0.5
    return max(smallest, min(largest, round(figures.size * factor)))
