"""What the guard decides, told as its sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from nexus.releases.guard import (
    Evidence,
    Figure,
    Guard,
    Health,
    Instance,
    Message,
    Probed,
    Sample,
    Side,
    Tried,
    Verdict,
)

MIB = 1 << 20
GOOD, BAD = Tried(requests=8), Tried("reserve", "shipment_state = reserved within 5 s", "none")
STABLE = Side(requests=950, timed=900, slow=20, p50_ms=7, p95_ms=20, p99_ms=40)
CANDIDATE = Side(requests=50, timed=45, slow=1, p50_ms=7, p95_ms=21, p99_ms=30)
EVIDENCE = Evidence("sales", "beside", 5, STABLE, CANDIDATE, memory=256 * MIB, cpus=1)
FIGURE = Figure("orders-stuck (reserve)", "count", "lower", 0, (0, 0, 0), (0,))


def judge(elapsed: float = 10, **changed: Any) -> Verdict:
    return Guard().judge(replace(EVIDENCE, **changed), elapsed, 10, 300)


def candidate(**changed: Any) -> Side:
    return replace(CANDIDATE, **changed)


def using(memory: Iterable[float], cpu: float = 0.1, name: str = "sales-2") -> Instance:
    """An instance that was looked at once a second, its memory in MiB."""
    samples = (Sample(100.0 + at, cpu * at, each * MIB) for at, each in enumerate(memory))
    return Instance(name, samples=tuple(samples))


def test_as_good_is_promoted_when_it_was_held_long_enough() -> None:
    assert judge(9.9).decision == "hold"
    assert judge().sentence() == (
        "sales is as good as before: 0 of 50 requests failed, on the other side 0 of 950;"
        " p95 21 ms, on the other side 20"
    )


def test_failures_are_told_with_both_sides_and_the_most_frequent_error() -> None:
    messages = (Message("KeyError: 'price'", 9),)
    verdict = judge(1, candidate=candidate(errors=9), stable=replace(STABLE, errors=2), messages=messages)
    assert (verdict.decision, verdict.sentence()) == (
        "roll back",
        "sales is worse than before: 9 of 50 requests failed (18.0%), on the other side 2 of 950 (0.2%);"
        " most frequent error: KeyError: 'price' (9 times)",
    )


def test_what_fails_on_both_sides_alike_blames_nobody() -> None:
    both: Any = {"candidate": candidate(errors=20), "stable": replace(STABLE, errors=380)}
    assert judge(**both).decision == "promote"


def test_two_failures_are_no_proof_but_are_waited_for() -> None:
    assert judge(candidate=candidate(errors=2)).decision == "hold"
    assert judge(300, candidate=candidate(errors=2)).decision == "promote"


def test_refusals_that_the_other_side_does_not_have_are_a_regression() -> None:
    verdict = judge(1, candidate=candidate(refusals=12), stable=replace(STABLE, refusals=19))
    assert verdict.decision == "roll back"
    assert "12 of 50 requests were refused with 4xx (24.0%)" in verdict.sentence()


def test_slow_answers_are_told_with_both_quantiles() -> None:
    verdict = judge(1, candidate=candidate(slow=30, p50_ms=35, p95_ms=100))
    assert verdict.decision == "roll back"
    assert "p50 35 ms instead of 7, p95 100 ms instead of 20" in verdict.sentence()


def test_calls_between_modules_count() -> None:
    verdict = judge(1, candidate=candidate(calls_failed=6))
    assert "6 calls from other modules failed, on the other side 0" in verdict.sentence()


def test_one_short_trouble_after_the_deploy_is_waited_for_and_told() -> None:
    short: Any = {"comparison": "before", "candidate": candidate(errors=9, errors_lasted=4.0)}
    assert [judge(at, **short).decision for at in (10, 299, 300)] == ["hold", "hold", "promote"]
    assert "9 of 50 requests failed (18.0%)" in judge(300, **short).sentence()
    assert judge(1, **{**short, "candidate": candidate(errors=9, errors_lasted=8.0)}).decision == "roll back"
    assert judge(1, candidate=short["candidate"]).decision == "roll back"  # beside the other, which has none


def test_failures_are_seen_without_another_side() -> None:
    alone: Any = {"stable": Side(), "comparison": "before", "weight": 100}
    assert judge(1, candidate=candidate(errors=15), **alone).decision == "roll back"
    assert judge(candidate=candidate(errors=1), **alone).decision == "promote"


def test_too_little_traffic_is_said_and_waited_for_until_patience_ends() -> None:
    few: Any = {"candidate": Side(requests=12), "stable": Side(requests=40)}
    assert "12 of the 30 requests that are needed came" in judge(**few).sentence()
    assert [judge(at, **few).decision for at in (10, 299, 300)] == ["hold", "hold", "promote"]


def test_probes_are_evidence_where_few_ask() -> None:
    probed = Probed("buy", (GOOD, GOOD, GOOD), (GOOD,))
    verdict = judge(candidate=Side(requests=6), stable=Side(requests=40), probes=(probed,))
    assert verdict.decision == "promote"
    assert "the probe buy went well 3 times" in verdict.sentence()


def test_where_nobody_asks_that_is_said() -> None:
    nobody: Any = {"candidate": Side(), "stable": Side()}
    assert (
        judge(**nobody).sentence()
        == "sales is as good as before: nobody asks: instances that are ready decide"
    )


def test_every_probe_must_have_ended_once() -> None:
    verdict = judge(probes=(Probed("buy"),))
    assert (verdict.decision, verdict.reasons[0].sentence()) == ("hold", "the probe buy has not ended yet")


def test_a_probe_that_fails_twice_through_the_candidate_alone_is_a_regression() -> None:
    once, twice = Probed("buy", (GOOD, BAD), (GOOD,)), Probed("buy", (BAD, BAD), (GOOD,))
    assert judge(probes=(once,)).decision == "hold"
    assert judge(1, probes=(twice,)).sentence() == (
        "sales is worse than before: the probe buy fails at the step reserve: expected shipment_state ="
        " reserved within 5 s, got none"
    )


def test_a_probe_that_fails_on_both_sides_blames_nobody() -> None:
    verdict = judge(probes=(Probed("buy", (BAD, BAD), (BAD,)),))
    assert verdict.decision == "promote"
    assert "the probe buy fails without the new release too" in verdict.sentence()


def test_an_instance_that_ends_is_a_regression_at_once() -> None:
    ended = Instance("sales-2", ended=1, why="ended with exit code 3")
    verdict = judge(0, candidate=candidate(instances=(ended,)))
    assert verdict.sentence() == "sales is worse than before: sales-2 ended with exit code 3"


def test_an_instance_that_is_not_ready_for_long_counts_while_the_other_side_is() -> None:
    away = Instance("sales-2", unready=12, why="database: away")
    both = replace(STABLE, instances=(replace(away, id="sales-1"),))
    verdict = judge(1, candidate=candidate(instances=(away,)))
    assert verdict.sentence() == "sales is worse than before: sales-2 is not ready any more: database: away"
    assert judge(candidate=candidate(instances=(away,)), stable=both).decision == "hold"


def test_a_cpu_at_its_limit_counts_when_the_other_side_has_room() -> None:
    busy, idle = using([80] * 12, cpu=0.95), using([80] * 12, name="sales-1")
    both = candidate(instances=(busy,)), replace(STABLE, instances=(replace(busy, id="sales-1"),))
    assert judge(candidate=both[0], stable=replace(STABLE, instances=(idle,))).decision == "roll back"
    assert judge(candidate=both[0], stable=both[1]).decision == "promote"


def test_memory_near_its_limit_counts_when_the_other_side_has_room() -> None:
    full, other = using([240] * 12), replace(STABLE, instances=(using([90] * 12, name="sales-1"),))
    verdict = judge(candidate=candidate(instances=(full,)), stable=other)
    assert "sales-2 uses 240 of its 256 MiB, the other side 90" in verdict.sentence()


def test_memory_near_its_limit_blames_nobody_where_as_much_was_used_before() -> None:
    alone: Any = {"candidate": candidate(instances=(using([240] * 12),)), "comparison": "before"}
    assert judge(**alone, memory_before=238 * MIB).decision == "promote"
    assert judge(**alone, memory_before=90 * MIB).decision == "roll back"
    assert "how much was used before is not known" in judge(**alone).sentence()
    assert judge(**alone).decision == "promote"


def test_memory_that_grows_steadily_is_told_with_the_time_left() -> None:
    leaking = using(80 + 3 * second for second in range(12))
    other = replace(STABLE, instances=(using([90] * 12, name="sales-1"),))
    verdict = judge(candidate=candidate(instances=(leaking,)), stable=other)
    assert verdict.sentence() == (
        "sales is worse than before: sales-2 grew from 80 to 113 MiB in 11 s, which reaches its 256 MiB"
        " in 44 s"
    )


@pytest.mark.parametrize(
    "memory",
    [
        [80 + 40 * (1 - 0.6**second) for second in range(20)],  # warms up
        [80 + 30 * (second % 7) for second in range(20)],  # is given back
        [80 + 0.2 * second for second in range(20)],  # hardly grows
        [80, 200],  # too short to tell
    ],
)
def test_memory_that_warms_up_or_varies_blames_nobody(memory: list[float]) -> None:
    assert judge(candidate=candidate(instances=(using(memory),))).decision == "promote"


def test_memory_that_grows_up_to_what_is_usual_blames_nobody() -> None:
    growing = [75 + 2.2 * second for second in range(10)]
    other = replace(STABLE, instances=(using([95] * 10, name="auth-1"),))
    assert judge(candidate=candidate(instances=(using(growing),)), stable=other).decision == "promote"
    alone: Any = {"candidate": candidate(instances=(using(growing),)), "comparison": "before"}
    assert judge(**alone, memory_before=95 * MIB).decision == "promote"
    assert judge(**alone, memory_before=70 * MIB).decision == "roll back"


def test_memory_that_grows_where_no_usual_is_known_is_looked_at_for_longer() -> None:
    def alone(seconds: int) -> str:
        grown = candidate(instances=(using([80 + 3 * second for second in range(seconds)]),))
        return judge(candidate=grown, comparison="before").decision

    assert alone(12) == "promote"
    assert alone(40) == "roll back"


def test_memory_that_grows_on_both_sides_blames_nobody() -> None:
    grown = [80 + 3 * second for second in range(12)]
    other = replace(STABLE, instances=(using(grown, name="sales-1"),))
    assert judge(candidate=candidate(instances=(using(grown),)), stable=other).decision == "promote"


def test_a_figure_beyond_its_limit_since_the_deploy_is_named_with_its_numbers() -> None:
    assert judge(figures=(replace(FIGURE, now=(0, 4)),)).decision == "hold"
    assert judge(1, figures=(replace(FIGURE, now=(3, 4)),)).sentence() == (
        "sales is worse than before: orders-stuck (reserve) is 4 count since the deploy, beyond its limit of"
        " 0 (before: 0)"
    )


def test_a_figure_that_was_bad_when_the_deploy_began_is_not_held_to_its_limit_and_that_is_said() -> None:
    verdict = judge(figures=(replace(FIGURE, before=(0, 2), now=(3, 4)),))
    assert verdict.decision == "promote"
    assert "orders-stuck (reserve) was beyond its limit of 0 before the deploy already" in verdict.sentence()


def test_a_figure_that_was_bad_and_gets_far_worse_counts() -> None:
    worse = replace(FIGURE, before=(3, 4, 3, 4, 3, 4), now=(80, 90))
    assert "is 90 count since the deploy, far from the 3.5 before" in judge(figures=(worse,)).sentence()


def test_a_figure_that_an_earlier_deploy_made_bad_counts_when_it_was_well_again() -> None:
    again = replace(FIGURE, before=(0, 0, 4, 4, 0, 0), now=(3, 4))
    assert judge(1, figures=(again,)).decision == "roll back"


def test_a_figure_that_nobody_knew_before_is_told_when_it_is_bad() -> None:
    verdict = judge(figures=(replace(FIGURE, before=(), now=(3, 4)),))
    assert verdict.decision == "promote"
    assert "what it was before the deploy is not known" in verdict.sentence()


@pytest.mark.parametrize(
    ("before", "now", "decision"),
    [
        ((10, 11, 9, 10, 10, 12), (0, 0), "roll back"),
        ((30, 28, 33, 30, 31, 29), (5, 4), "roll back"),
        ((10, 11, 9, 10, 10, 12), (5, 4), "promote"),  # by chance
        ((3, 2, 4, 3, 3, 2), (0, 0), "promote"),
        ((30, 2, 55, 14, 40, 8), (1, 1), "promote"),  # it varies more than a count
    ],
)
def test_a_small_count_of_which_more_is_better_may_not_fall_to_nothing(
    before: tuple[float, ...], now: tuple[float, ...], decision: str
) -> None:
    orders = Figure("orders-per-hour", "orders", "higher", None, before, now)
    assert judge(figures=(orders,)).decision == decision


def test_a_figure_without_a_limit_counts_when_it_is_far_from_what_it_was() -> None:
    paid = Figure(
        "cash-per-hour", "BRL", "higher", None, (9800, 10100, 9900, 10000, 10200, 9900), (3000, 2900)
    )
    assert judge(figures=(paid,)).decision == "roll back"
    assert judge(figures=(replace(paid, now=(9000, 9100)),)).decision == "promote"
    assert judge(figures=(paid,), demand=0.25).decision == "promote"  # fewer ask: less is to be expected


@pytest.mark.parametrize("now", [(3, 3), (6, 7)])
def test_small_counts_vary_by_chance(now: tuple[float, ...]) -> None:
    leads = Figure("open-leads", "leads", "lower", None, (1, 1, 1, 1, 1, 1), now)
    assert judge(figures=(leads,)).decision == "promote"


def test_a_business_that_was_well_and_is_not_any_more_counts() -> None:
    sick = Health((True, True), (True, False, False), "orders_stuck = 4")
    assert "the business is not well: orders_stuck = 4" in judge(1, health=sick).sentence()
    assert judge(1, health=replace(sick, before=(False, True, True))).decision == "roll back"
    verdict = judge(health=replace(sick, before=(False,)))
    assert verdict.decision == "promote"
    assert "nor was it before the deploy: orders_stuck = 4" in verdict.sentence()


def test_what_is_suspected_and_stays_is_taken_back() -> None:
    unready = candidate(instances=(Instance("sales-2", unready=3, why="database: away"),))
    assert [judge(at, candidate=unready).decision for at in (10, 300, 315)] == ["hold", "hold", "roll back"]


def test_nothing_is_promoted_on_old_figures() -> None:
    assert [judge(at, fresh=False).decision for at in (10, 300)] == ["hold", "promote"]


def test_that_telemetry_is_behind_is_not_told_as_that_nobody_asks() -> None:
    assert judge(300, fresh=False, candidate=Side(), stable=Side()).sentence() == (
        "sales could not be compared with before: how requests are answered is not known: telemetry is behind"
    )


def test_what_could_not_be_looked_at_is_said() -> None:
    assert "not looked at: time, 4xx" in judge(unknown=("time, 4xx",)).sentence()


def test_the_record_keeps_the_numbers() -> None:
    told = judge(1, candidate=candidate(errors=9, instances=(using([80] * 12),))).as_dict()
    assert told["decision"] == "roll back"
    assert told["reasons"][0]["values"]["failed"] == 9
    assert told["candidate"] | {"errors": 9, "memory": 80 * MIB, "instances": 1} == told["candidate"]
    assert told["candidate"]["cpu"] == pytest.approx(0.1)
