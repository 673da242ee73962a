"""The test behind requests: what it costs to look often, and how soon it knows."""

from __future__ import annotations

import math
import random

import pytest

from nexus.releases.guard.sequential import evidence, needed, share


def test_looking_after_every_trial_blames_no_more_often_than_alpha() -> None:
    chance, wrong, runs = random.Random(3), 0, 500
    for _ in range(runs):
        hits = 0
        for trial in range(1, 151):
            hits += chance.random() < 0.2
            if evidence(hits, trial, 0.2) >= needed(0.05):
                wrong += 1
                break
    assert wrong / runs <= 0.05


@pytest.mark.parametrize(("null", "least"), [(0.05, 4), (0.25, 7), (0.5, 13)])
def test_failures_on_one_side_alone_prove_it_after_few(null: float, least: int) -> None:
    proven = next(hits for hits in range(1, 100) if evidence(hits, hits, null) >= needed(0.0005))
    assert proven == least


@pytest.mark.parametrize(("hits", "trials", "null"), [(0, 50, 0.1), (5, 50, 0.0), (5, 5, 1.0), (0, 0, 0.5)])
def test_nothing_is_evidence_where_there_is_nothing_to_compare(hits: int, trials: int, null: float) -> None:
    assert evidence(hits, trials, null) == 0


def test_what_is_as_likely_as_doubted_speaks_against_it() -> None:
    assert evidence(100, 1000, 0.1) < 0 < evidence(200, 1000, 0.1)


def test_very_many_trials_are_no_trouble() -> None:
    assert math.isfinite(evidence(900_000, 1_000_000, 0.5))


def test_a_side_fails_by_its_share_of_requests() -> None:
    assert share(5, 95, 1.0) == pytest.approx(0.05)
    assert share(10, 10, 3.0) == pytest.approx(0.75)
    assert share(0, 0, 2.0) == 0
