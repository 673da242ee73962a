"""Rollouts by chance: requests that fall on two sides, and how those answer."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, replace
from statistics import NormalDist

from nexus.releases.guard import BESIDE, SPAN, Evidence, Guard, Side, Verdict, lasted

NORMAL = NormalDist()
LEAST_TIMED = 20  # requests of the other side that a 95th percentile is taken from


@dataclass(frozen=True)
class Traffic:
    """`rate` requests a second, of which a share fails and is refused; the logarithm of their time varies by
    `spread`. The candidate fails and is refused as often as the second numbers say and takes `slower` times
    as long.
    """

    rate: float
    errors: tuple[float, float] = (0.002, 0.002)
    refusals: tuple[float, float] = (0.01, 0.01)
    slower: float = 1.0
    spread: float = 0.7


def step(
    traffic: Traffic, weight: int, chance: random.Random, seconds: int = 10, guard: Guard = Guard()
) -> tuple[Verdict, int]:
    """The verdict on one step, looked at each second, and the second in which it was given."""
    sides = (Side(), Side())
    seen = max(LEAST_TIMED, traffic.rate)
    limit = _slow_above(seen, traffic, chance)
    slow = [1 - NORMAL.cdf(limit / traffic.spread)]
    slow.append(1 - NORMAL.cdf((limit - math.log(traffic.slower)) / traffic.spread))
    bad = (0, 0, 0)
    for second in range(1, 301):
        came = _poisson(traffic.rate, chance)
        to_candidate = _drawn(came, weight / 100, chance)
        sides = (
            _more(sides[0], came - to_candidate, traffic.errors[0], traffic.refusals[0], slow[0], chance),
            _more(sides[1], to_candidate, traffic.errors[1], traffic.refusals[1], slow[1], chance),
        )
        before, bad = bad, (sides[1].errors, sides[1].refusals, sides[1].slow)
        if bad == before and second < seconds:
            continue  # nothing bad came: nothing can be proven that was not before
        verdict = guard.judge(Evidence("sales", "beside", weight, *sides), second, seconds, 300)
        if verdict.decision != "hold":
            return verdict, second
    raise AssertionError("no verdict within the patience")


@dataclass(frozen=True)
class Trouble:
    """From a second on, for some seconds, a share of all requests fails, whatever answers."""

    at: int
    seconds: int
    share: float


def after(
    traffic: Traffic, trouble: Trouble | None, chance: random.Random, hold: int = 30, guard: Guard = Guard()
) -> Verdict:
    """The verdict on a release that has all requests, against 3 minutes before, looked at each second."""
    asked = sum(_poisson(traffic.rate, chance) for _ in range(180))
    stable = Side(requests=asked, errors=_drawn(asked, traffic.errors[0], chance))
    candidate, spans, offset = Side(), Counter[int](), chance.random() * SPAN
    for second in range(1, 2 * hold + 1):
        hit = trouble is not None and trouble.at <= second < trouble.at + trouble.seconds
        share = max(traffic.errors[1], trouble.share) if trouble and hit else traffic.errors[1]
        came = _poisson(traffic.rate, chance)
        failed = _drawn(came, share, chance)
        spans[int((second + offset) // SPAN)] += failed
        candidate = replace(
            candidate,
            requests=candidate.requests + came,
            errors=candidate.errors + failed,
            errors_lasted=lasted(spans),
        )
        verdict = guard.judge(Evidence("sales", "before", 100, stable, candidate), second, hold, 2 * hold)
        if verdict.decision != "hold":
            return verdict
    raise AssertionError("no verdict within the patience")


def _slow_above(seen: float, traffic: Traffic, chance: random.Random) -> float:
    """The logarithm of the time above which a request is slow: the tolerance times a 95th percentile that
    was taken from so many requests, and so is not exact.
    """
    order = round(0.95 * seen)
    level = chance.betavariate(order, seen - order + 1)
    return traffic.spread * NORMAL.inv_cdf(level) + math.log(BESIDE.tolerance)


def _more(
    side: Side, requests: int, errors: float, refusals: float, slow: float, chance: random.Random
) -> Side:
    failed = _drawn(requests, errors, chance)
    return Side(  # not `replace`, which takes a fifth of the whole
        requests=side.requests + requests,
        errors=side.errors + failed,
        refusals=side.refusals + _drawn(requests - failed, refusals, chance),
        timed=side.timed + requests - failed,
        slow=side.slow + _drawn(requests - failed, slow, chance),
    )


def _drawn(trials: int, probability: float, chance: random.Random) -> int:
    """How many of these trials hit. By the gaps between hits, so that rare hits are drawn quickly."""
    if probability <= 0 or trials <= 0:
        return 0
    if probability > 0.5:
        return trials - _drawn(trials, 1 - probability, chance)
    scale, hits, at = math.log1p(-probability), 0, -1
    while True:
        at += 1 + int(math.log(1.0 - chance.random()) / scale)
        if at >= trials:
            return hits
        hits += 1


def _poisson(mean: float, chance: random.Random) -> int:
    """How many requests come in a second; a rounded normal where there are many."""
    if mean > 30:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    hits, product = 0, chance.random()
    while product > math.exp(-mean):
        hits, product = hits + 1, product * chance.random()
    return hits
