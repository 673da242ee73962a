"""Whether the candidate's answers are worse: failures, refusals and waiting, each by a sequential test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from nexus.releases.guard.evidence import Evidence
from nexus.releases.guard.sequential import evidence as evidence_of
from nexus.releases.guard.sequential import needed, share
from nexus.releases.guard.settings import Settings
from nexus.releases.guard.verdict import Reason

ERRORS = (
    "{failed} of {requests} requests failed ({share:.1%}), on the other side {others_failed} of {others}"
    " ({others_share:.1%})"
)
ALONE = "{failed} of {requests} requests failed ({share:.1%}), and there is no other side to compare with"
REFUSALS = (
    "{failed} of {requests} requests were refused with 4xx ({share:.1%}), on the other side {others_failed}"
    " of {others} ({others_share:.1%})"
)
CALLS = "{failed} calls from other modules failed, on the other side {others_failed}"
SLOW = (
    "{slow} of {timed} requests took more than {tolerance:g} times as long as 95 % of the other side's"
    " ({others_share:.1%} of those did): p50 {p50:.0f} ms instead of {others_p50:.0f}, p95 {p95:.0f} ms"
    " instead of {others_p95:.0f}"
)


class Proof(NamedTuple):
    """What speaks against the candidate: how much, by how many hits, over how many seconds."""

    hits: int
    known: float
    lasted: float | None = None


def judge_requests(evidence: Evidence, settings: Settings) -> Iterator[Reason]:
    """What the requests prove, or make doubtful."""
    mine, others = evidence.candidate, evidence.stable
    if others.requests >= settings.least:
        allowed = settings.error_ratio, settings.error_floor
        hits = mine.errors, others.errors, mine.errors_lasted
        yield from _rate(evidence, settings, ("errors", ERRORS), hits, allowed)
        allowed = settings.refusal_ratio, settings.refusal_floor
        hits = mine.refusals, others.refusals, mine.refusals_lasted
        yield from _rate(evidence, settings, ("refusals", REFUSALS), hits, allowed)
        yield from _waiting(evidence, settings)
    elif mine.errors:
        known = evidence_of(mine.errors, mine.requests, _usual(evidence, settings))
        counts = {"failed": mine.errors, "requests": mine.requests, "share": mine.errors / mine.requests}
        proof = Proof(mine.errors, known, mine.errors_lasted)
        yield from _found("errors", proof, settings, ALONE, counts)
    yield from _calls(evidence, settings)


def _rate(
    evidence: Evidence,
    settings: Settings,
    told: tuple[str, str],
    failed: tuple[int, int, float | None],
    allowed: tuple[float, float],
) -> Iterator[Reason]:
    """Every failure falls on one side; while both fail alike, on the candidate with its share of requests."""
    (mine, others, lasted), (ratio, floor) = failed, allowed
    requests, other_requests = evidence.candidate.requests, evidence.stable.requests
    if not mine or mine / requests - others / other_requests <= floor:
        return
    known = evidence_of(mine, mine + others, share(requests, other_requests, ratio))
    values = {
        "failed": mine,
        "requests": requests,
        "share": mine / requests,
        "others_failed": others,
        "others": other_requests,
        "others_share": others / other_requests,
    }
    yield from _found(told[0], Proof(mine, known, lasted), settings, told[1], values)


def _usual(evidence: Evidence, settings: Settings) -> float:
    """The share of requests that may fail where the other side was hardly asked."""
    others = evidence.stable
    seen = settings.error_ratio * others.errors / others.requests if others.requests else 0.0
    return min(0.99, max(settings.alone_error_share, seen))


def _calls(evidence: Evidence, settings: Settings) -> Iterator[Reason]:
    """Calls between modules are split like requests; only those that failed are known."""
    mine, others = evidence.candidate.calls_failed, evidence.stable.calls_failed
    if evidence.comparison == "beside" and mine:
        expected = share(evidence.weight, 100 - evidence.weight, settings.error_ratio)
        known = evidence_of(mine, mine + others, expected)
        values = {"failed": mine, "others_failed": others}
        yield from _found("calls", Proof(mine, known), settings, CALLS, values)


def _waiting(evidence: Evidence, settings: Settings) -> Iterator[Reason]:
    """More requests are slow than may be, and more than on the other side over the same time."""
    mine, others = evidence.candidate, evidence.stable
    if not mine.slow or not others.timed:
        return
    known = min(
        evidence_of(mine.slow, mine.timed, settings.slow_share),
        evidence_of(mine.slow, mine.slow + others.slow, share(mine.timed, others.timed, settings.slow_ratio)),
    )
    values = {
        "slow": mine.slow,
        "timed": mine.timed,
        "tolerance": settings.tolerance,
        "others_share": others.slow / others.timed,
        "p50": mine.p50_ms or 0.0,
        "p95": mine.p95_ms or 0.0,
        "others_p50": others.p50_ms or 0.0,
        "others_p95": others.p95_ms or 0.0,
    }
    yield from _found("latency", Proof(mine.slow, known, mine.slow_lasted), settings, SLOW, values)


def _found(
    about: str, proof: Proof, settings: Settings, text: str, values: Mapping[str, Any]
) -> Iterator[Reason]:
    lasting = proof.lasted is None or proof.lasted >= settings.lasted
    if lasting and proof.hits >= settings.fewest and proof.known >= needed(settings.alpha):
        yield Reason(about, "regression", text, values)
    elif proof.known >= needed(settings.doubt):
        yield Reason(about, "doubt", text, values)
