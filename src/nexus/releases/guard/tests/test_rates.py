"""Ten thousand rollouts of a release that is as good, and some of worse ones."""

from __future__ import annotations

import random

from nexus.releases.guard.tests.simulated import Traffic, Trouble, after, step

STEPS = (5, 25, 50)
RATES = (10, 30, 100)
FAILING = (0.0, 0.002, 0.02)


def test_a_release_as_good_as_the_other_is_hardly_ever_blamed() -> None:
    chance, blamed, rollouts = random.Random(11), 0, 10_000
    for number in range(rollouts):
        errors = FAILING[number % len(FAILING)]
        traffic = Traffic(RATES[number % len(RATES)], errors=(errors, errors))
        blamed += any(step(traffic, weight, chance)[0].decision == "roll back" for weight in STEPS)
    assert blamed / rollouts <= 0.01


def _delays(traffic: Traffic, weight: int, runs: int = 200) -> list[int]:
    """Seconds until it was rolled back, for each run that was, in order."""
    chance = random.Random(5)
    found = (step(traffic, weight, chance) for _ in range(runs))
    return sorted(second for verdict, second in found if verdict.decision == "roll back")


def test_a_fifth_of_failures_is_seen_within_a_hundred_requests_of_the_candidate() -> None:
    delays = _delays(Traffic(rate=300, errors=(0.002, 0.2)), 5)
    assert len(delays) >= 198
    assert delays[len(delays) // 2] * 300 * 0.05 <= 40
    assert delays[round(0.95 * len(delays))] * 300 * 0.05 <= 100


def test_five_times_slower_is_seen_within_some_dozens_of_requests() -> None:
    delays = _delays(Traffic(rate=300, slower=5), 5)
    assert len(delays) >= 198
    assert delays[round(0.95 * len(delays))] * 300 * 0.05 <= 75


def test_a_tenth_slower_is_never_blamed() -> None:
    assert not _delays(Traffic(rate=300, slower=1.1), 50)


def test_a_short_trouble_of_others_after_a_deploy_hardly_ever_blames_it() -> None:
    chance, blamed, rollouts = random.Random(17), 0, 1_500
    for number in range(rollouts):
        errors = FAILING[number % len(FAILING)]
        trouble = Trouble(at=1 + number % 29, seconds=1 + number % 3, share=0.5)
        traffic = Traffic(RATES[number % len(RATES)], errors=(errors, errors))
        blamed += after(traffic, trouble, chance).decision == "roll back"
    assert blamed / rollouts <= 0.01


def test_what_fails_since_the_deploy_is_seen_without_another_side_at_the_same_time() -> None:
    chance = random.Random(19)
    for rate, errors in ((1, 1.0), (10, 0.2), (100, 0.05)):
        verdicts = [after(Traffic(rate, errors=(0.002, errors)), None, chance) for _ in range(100)]
        assert sum(verdict.decision == "roll back" for verdict in verdicts) >= 99, rate
