"""Whether the candidate's instances live and have room: ends, CPU, memory."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Sequence

from nexus.releases.guard.evidence import Evidence, Instance, Sample, cpu_of
from nexus.releases.guard.settings import Settings
from nexus.releases.guard.verdict import Reason

ENDED = "{instance} {why}"
UNREADY = "{instance} is not ready any more: {why}"
BUSY = "{instance} uses {share:.0%} of its CPU, the other side {others_share:.0%}"
FULL = "{instance} uses {used:.0f} of its {limit:.0f} MiB, the other side {others:.0f}"
GROWS = (
    "{instance} grew from {first:.0f} to {last:.0f} MiB in {seconds:.0f} s, which reaches its {limit:.0f} MiB"
    " in {left:.0f} s"
)
FULL_ALONE = "{instance} uses {used:.0f} of its {limit:.0f} MiB; how much was used before is not known"
MIB = 1 << 20
SHORTEST = 8.0  # seconds, and as many samples
UNKNOWN = 30.0  # the shortest, where it is not known how much is usual
USUAL = 1.1  # of what the other side uses, or was used before: growth up to there is warming up
PARTS = 4  # of the time, in each of which it must grow
STEADY = 0.5  # growth of the second half, over that of the first: warming up slows down


def judge_resources(evidence: Evidence, settings: Settings) -> Iterator[Reason]:
    """Each regression of an instance, and each doubt."""
    for each in evidence.candidate.instances:
        if each.ended:
            yield Reason("ended", "regression", ENDED, {"instance": each.id, "why": each.why or "ended"})
        elif each.unready:
            alone = evidence.comparison == "beside" and not any(o.unready for o in evidence.stable.instances)
            sure = alone and each.unready >= settings.unready
            values = {"instance": each.id, "why": each.why}
            yield Reason("ready", "regression" if sure else "suspicion", UNREADY, values)
        yield from _cpu(each, evidence, settings)
        yield from _memory(each, evidence, settings)


def _cpu(instance: Instance, evidence: Evidence, settings: Settings) -> Iterator[Reason]:
    mine = cpu_of(instance, evidence.cpus)
    if mine is None or mine < settings.cpu_limit or evidence.comparison == "before":
        return
    others = [
        share for each in evidence.stable.instances if (share := cpu_of(each, evidence.cpus)) is not None
    ]
    if others and max(others) < settings.cpu_other:
        values = {"instance": instance.id, "share": mine, "others_share": max(others)}
        yield Reason("cpu", "regression", BUSY, values)


def _memory(instance: Instance, evidence: Evidence, settings: Settings) -> Iterator[Reason]:
    limit = evidence.memory
    if not limit or not instance.samples:
        return
    used, others = instance.samples[-1].memory, _usual(evidence)
    if used >= settings.memory_limit * limit and (others is None or others < settings.memory_other * limit):
        values = {"instance": instance.id, "used": used / MIB, "limit": limit / MIB}
        if others is None:
            yield Reason("memory", "note", FULL_ALONE, values)
        else:
            yield Reason("memory", "regression", FULL, values | {"others": others / MIB})
        return
    if others is not None and used <= USUAL * others:
        return
    left = time_left(instance.samples, limit, settings, SHORTEST if others is not None else UNKNOWN)
    if left is None or any(time_left(each.samples, limit, settings) for each in evidence.stable.instances):
        return
    first, last = instance.samples[0], instance.samples[-1]
    values = {"instance": instance.id, "first": first.memory / MIB, "last": last.memory / MIB}
    values |= {"seconds": last.at - first.at, "limit": limit / MIB, "left": left}
    yield Reason("memory", "regression", GROWS, values)


def _usual(evidence: Evidence) -> float | None:
    """The most that an instance of the former release uses, or used before the deploy."""
    known = [each.samples[-1].memory for each in evidence.stable.instances if each.samples]
    return max((*known, *([evidence.memory_before] if evidence.memory_before else ())), default=None)


def time_left(
    samples: Sequence[Sample], limit: float, settings: Settings, shortest: float = SHORTEST
) -> float | None:
    """Seconds until steady growth reaches the limit; None: it does not grow so, or will not get there soon.

    Growth is looked at when it was seen for `shortest` seconds, in as many samples.

    Growth is steady when the median of each quarter of the time is above the former's, and the second half
    grows at least half as much as the first: what warms up grows, but ever less.
    """
    if len(samples) < shortest or samples[-1].at - samples[0].at < shortest:
        return None
    medians = [statistics.median(each.memory for each in part) for part in _parts(samples)]
    grown = medians[-1] - medians[0]
    rising = all(before < after for before, after in itertools.pairwise(medians))
    if not rising or grown < settings.memory_growth * limit:
        return None
    half = len(medians) // 2
    if medians[-1] - medians[half] < STEADY * (medians[half - 1] - medians[0]):
        return None
    seconds = (samples[-1].at - samples[0].at) * (PARTS - 1) / PARTS  # between the middles of the outer parts
    left = (limit - samples[-1].memory) / (grown / seconds)
    return left if left <= settings.memory_horizon else None


def _parts(samples: Sequence[Sample]) -> list[Sequence[Sample]]:
    bounds = [round(len(samples) * part / PARTS) for part in range(PARTS + 1)]
    return [samples[begin:end] for begin, end in itertools.pairwise(bounds)]
