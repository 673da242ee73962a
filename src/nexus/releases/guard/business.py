"""Whether the business does worse than before the deploy: KPIs, the module's own health, probes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from nexus.releases.guard.evidence import Evidence, Figure, Probed
from nexus.releases.guard.settings import Settings
from nexus.releases.guard.verdict import Reason

BEYOND = "{name} is {value:g} {unit} since the deploy, beyond its limit of {limit:g} (before: {before:g})"
FAR = "{name} is {value:g} {unit} since the deploy, far from the {before:g} before"
ILL = "{name} was beyond its limit of {limit:g} before the deploy already: not held to it"
UNSEEN = "{name} is beyond its limit of {limit:g}, and what it was before the deploy is not known"
HEALTH = "the business is not well: {why}"
ILL_HEALTH = "the business is not well, nor was it before the deploy: {why}"
PROBE = "the probe {name} fails at the step {step}: expected {expected}, got {got}"
BROKEN = "the probe {name} fails without the new release too, at the step {step}"
FEWEST_BEFORE = 6  # values that tell how a figure usually is
DEVIATION = 1.4826  # of the median absolute deviation, to compare with a standard deviation


def judge_business(evidence: Evidence, settings: Settings) -> Iterator[Reason]:
    """Each regression of the business, and each doubt."""
    for figure in evidence.figures:
        yield from _figure(figure, evidence, settings)
    yield from _health(evidence, settings)
    for probed in evidence.probes:
        yield from _probe(probed, settings)


def _figure(figure: Figure, evidence: Evidence, settings: Settings) -> Iterator[Reason]:
    if not figure.now:
        return
    values = {"name": figure.name, "value": figure.now[-1], "unit": figure.unit, "limit": figure.limit}
    bad = figure.beyond(figure.now[-1])
    if not figure.before:
        if bad:
            yield Reason("figure", "note", UNSEEN, values)
        return
    values |= {"before": statistics.median(figure.before)}
    # What was bad when the deploy began is not its doing; what had been bad earlier and was well again is.
    ill = any(map(figure.beyond, figure.before[-settings.figure_values :]))
    if (ill or figure.limit is None) and _far(figure, evidence.demand, settings):
        yield Reason("figure", "regression", FAR, values)
    elif ill:
        yield Reason("figure", "note", ILL, values)
    elif bad:
        latest = figure.now[-settings.figure_values :]
        sure = len(latest) >= settings.figure_values and all(map(figure.beyond, latest))
        yield Reason("figure", "regression" if sure else "suspicion", BEYOND, values)


def _far(figure: Figure, demand: float | None, settings: Settings) -> bool:
    """Whether the latest values are worse than all before, by far more than they used to vary."""
    latest = figure.now[-settings.figure_values :]
    if len(figure.before) < FEWEST_BEFORE or len(latest) < settings.figure_values:
        return False
    usual = statistics.median(figure.before)
    spread = DEVIATION * statistics.median(abs(each - usual) for each in figure.before)
    counted = math.sqrt(abs(usual))  # how much a count varies by chance
    far = max(settings.figure_change * abs(usual), settings.figure_deviations * max(spread, counted))
    if figure.better == "lower":
        return far > 0 and min(latest) > max(*figure.before, usual + far)
    if usual <= 0:
        return far > 0 and max(latest) < min(*figure.before, usual - far)
    # It falls with demand: it is compared with what demand lets expect.
    asked = min(1.0, demand) if demand is not None else 1.0
    low = max(latest) < min(figure.before) * asked
    return low and _fallen(max(0.0, *latest), usual * asked, spread * asked, settings)


def _fallen(value: float, expected: float, spread: float, settings: Settings) -> bool:
    """Whether a count is far below what is expected: 6 deviations are more than all of a small one.

    By Chernoff's bound for a Poisson variable (Mitzenmacher and Upfal, "Probability and Computing", theorem
    5.4), which is exact for 0. What varies more than a count does is taken in units of its variance over its
    mean.
    """
    if not 0 <= value <= (1 - settings.figure_change) * expected or expected <= 0:
        return False
    unlikely = expected - value + (value * math.log(value / expected) if value else 0.0)
    return unlikely / max(1.0, spread**2 / expected) >= -math.log(settings.figure_chance)


def _health(evidence: Evidence, settings: Settings) -> Iterator[Reason]:
    health = evidence.health
    if not health.before or not health.now or health.now[-1]:
        return
    if not all(health.before[-settings.figure_values :]):
        yield Reason("health", "note", ILL_HEALTH, {"why": health.why})
        return
    sure = not any(health.now[-settings.figure_values :]) and len(health.now) >= settings.figure_values
    yield Reason("health", "regression" if sure else "suspicion", HEALTH, {"why": health.why})


def _probe(probed: Probed, settings: Settings) -> Iterator[Reason]:
    """A probe that fails through the candidate, again and again, and works without it."""
    if not probed.through or probed.through[-1].good:
        return
    last = probed.through[-1]
    if probed.others and not probed.others[-1].good:
        yield Reason("probe", "note", BROKEN, {"name": probed.name, "step": probed.others[-1].step})
        return
    latest = probed.through[-settings.probe_failures :]
    sure = len(latest) >= settings.probe_failures and not any(each.good for each in latest)
    values = {"name": probed.name, "step": last.step, "expected": last.expected, "got": last.got}
    sure = sure and bool(probed.others)
    yield Reason("probe", "regression" if sure else "suspicion", PROBE, values)
