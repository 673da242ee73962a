from __future__ import annotations

from dataclasses import replace

import pytest

from nexus.migrations.applying.settings import Throttle
from nexus.migrations.applying.throttle import Figures, decide
from nexus.migrations.applying.throttle_figures import Replicas, Standby

HALF = Throttle(share=0.5, batch_seconds=0.1, max_lag=2.0, max_latency=0.05)
FINE = Figures(size=1000, took=0.1, commit=0.002)


def test_usually_a_pause_keeps_the_share_and_says_nothing() -> None:
    usual = decide(HALF, 1000, FINE)
    assert usual.pause == pytest.approx(0.1)
    assert (usual.size, usual.again, usual.why) == (1000, False, "")
    assert decide(replace(HALF, share=0.25), 1000, FINE).pause == pytest.approx(0.3)
    assert decide(replace(HALF, share=1.0), 1000, FINE).pause == 0


@pytest.mark.parametrize(
    ("asked", "size", "took", "expected"),
    [
        (1000, 1000, 0.2, 500),
        (1000, 1000, 0.08, 1250),
        (1000, 1000, 9.0, 500),  # at most halved
        (1000, 1000, 0.0, 2000),  # at most doubled
        (1000, 3000, 0.001, 4000),  # at most four times what was asked for
        (1000, 120, 1.0, 100),
        (10, 10, 1.0, 10),  # never less than asked for when that is less than 100
    ],
)
def test_the_size_follows_the_time_a_batch_takes(asked: int, size: int, took: float, expected: int) -> None:
    assert decide(HALF, asked, Figures(size, took)).size == expected


@pytest.mark.parametrize(
    ("figures", "why", "again"),
    [
        (replace(FINE, lag=4.2, replica="db2"), "replica db2 lags 4.2 s > 2 s", True),
        (replace(FINE, pressure=1.0), "users wait: pressure 1.00 ≥ 1", True),
        (replace(FINE, commit=0.2), "a commit takes 200 ms > 50 ms", False),
        (replace(FINE, waited=1), "1 session waits for rows of the batch", False),
        (replace(FINE, waited=3), "3 sessions wait for rows of the batch", False),
    ],
)
def test_what_is_too_much_is_said_and_waited_for(figures: Figures, why: str, again: bool) -> None:
    decision = decide(HALF, 1000, figures)
    assert (decision.why, decision.again) == (why, again)
    assert decision.pause > decide(HALF, 1000, FINE).pause


def test_slow_commits_and_waiting_sessions_halve_the_batch() -> None:
    assert decide(HALF, 1000, replace(FINE, commit=0.2)).size == 500
    assert decide(HALF, 1000, replace(FINE, waited=1)).size == 500


def test_the_more_pressure_the_longer_the_pause() -> None:
    pauses = [decide(HALF, 1000, replace(FINE, pressure=each)).pause for each in (0.0, 0.3, 0.6, 0.9)]
    assert pauses == sorted(set(pauses))


def test_lag_within_bounds_is_no_reason() -> None:
    assert decide(HALF, 1000, replace(FINE, lag=2.0, replica="db2")).why == ""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_replica_that_stands_still_lags_by_the_age_of_what_it_lacks() -> None:
    clock = Clock()
    replicas = Replicas(clock)
    assert replicas.lag(100, [Standby("a", 100, 0.1)]) == (0.0, "a")
    clock.now = 1.0
    assert replicas.lag(200, [Standby("a", 200, 0.1), Standby("b", 100, 0.1)]) == (0.1, "b")
    clock.now = 6.0
    assert replicas.lag(300, [Standby("a", 300, 0.1), Standby("b", 100, 0.1)]) == (5.0, "b")
    clock.now = 7.0
    assert replicas.lag(300, [Standby("a", 300, 0.1), Standby("b", 200, None)]) == (1.0, "b")
    assert replicas.lag(300, [Standby("a", 300, 0.1), Standby("b", 300, 9.0)])[0] == 0.0


def test_a_replica_tells_of_lag_from_before_we_looked() -> None:
    assert Replicas(Clock()).lag(200, [Standby("a", 100, 7.5)]) == (7.5, "a")
    assert Replicas(Clock()).lag(200, []) == (None, "")
