"""The guard: from evidence to a verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from nexus.releases.guard.business import judge_business
from nexus.releases.guard.evidence import Comparison, Evidence
from nexus.releases.guard.requests import judge_requests
from nexus.releases.guard.resources import judge_resources
from nexus.releases.guard.settings import BEFORE, BESIDE, Settings
from nexus.releases.guard.verdict import Decision, Reason, Verdict

COUNTED = (
    "{errors} of {requests} requests failed, on the other side {others_errors} of {others}; p95 {p95:.0f} ms,"
    " on the other side {others_p95:.0f}"
)
COUNTED_ALONE = "{errors} of {requests} requests failed"
PROBED = "the probe {name} went well {count} times"
OLD = "telemetry is behind"
BLIND = "how requests are answered is not known: telemetry is behind"
UNTRIED = "the probe {name} has not ended yet"
THIN = "{requests} of the {least} requests that are needed came"
QUIET = "nobody asks: instances that are ready decide"
QUIET_PROBED = "nobody asks: instances that are ready and probes decide"
UNKNOWN = "not looked at: {what}"
UNSURE = "{what} did not go away within {patience:.0f} s"
LOGGED = "most frequent error: {text} ({count} times)"
ORDER = {"regression": 0, "suspicion": 1, "doubt": 2, "note": 3}


class Guard:
    """Judges a release that is let in. `beside` and `before` say how strictly, by the comparison."""

    def __init__(self, beside: Settings = BESIDE, before: Settings = BEFORE) -> None:
        self._settings: dict[Comparison, Settings] = {"beside": beside, "before": before}

    def strictness(self, comparison: Comparison) -> Settings:
        """How strictly sides are judged that are compared so."""
        return self._settings[comparison]

    def judge(self, evidence: Evidence, elapsed: float, hold: float, patience: float) -> Verdict:
        """The verdict, `elapsed` seconds after the step began.

        Nothing is promoted before `hold` seconds; after that it waits up to `patience` seconds for the least
        evidence, and for what is suspected to be proven or gone.
        """
        settings = self.strictness(evidence.comparison)
        found = [
            *judge_requests(evidence, settings),
            *judge_resources(evidence, settings),
            *judge_business(evidence, settings),
        ]
        decision, why = self._decide(evidence, found, elapsed, hold, patience)
        notes = (*why, *self._notes(evidence, bad=decision == "roll back"))
        reasons = sorted((*found, *notes), key=lambda reason: ORDER[reason.weight])
        return Verdict(evidence.service, decision, tuple(reasons), evidence)

    def _decide(
        self, evidence: Evidence, found: list[Reason], elapsed: float, hold: float, patience: float
    ) -> tuple[Decision, list[Reason]]:
        if any(reason.weight == "regression" for reason in found):
            return "roll back", []
        suspected = [reason for reason in found if reason.weight == "suspicion"]
        settings = self.strictness(evidence.comparison)
        if suspected and elapsed >= patience + settings.grace:
            values = {"what": suspected[0].sentence(), "patience": elapsed}
            return "roll back", [Reason(suspected[0].about, "regression", UNSURE, values)]
        if suspected or elapsed < hold:
            return "hold", []
        doubted = any(reason.weight == "doubt" for reason in found)
        if doubted:
            return ("promote" if elapsed >= patience else "hold"), []
        if not evidence.fresh:
            waits = elapsed < patience
            return ("hold" if waits else "promote"), [Reason("telemetry", "note", OLD if waits else BLIND)]
        untried = [probed.name for probed in evidence.probes if not probed.through]
        if untried and elapsed < patience:
            return "hold", [Reason("probes", "note", UNTRIED, {"name": untried[0]})]
        if _seen(evidence) >= settings.least:
            return "promote", []
        seen = _seen(evidence)
        if not seen and not evidence.stable.requests:
            return "promote", [Reason("traffic", "note", QUIET_PROBED if evidence.probes else QUIET)]
        thin = Reason("traffic", "note", THIN, {"requests": seen, "least": settings.least})
        return ("promote" if elapsed >= patience else "hold"), [thin]

    def _notes(self, evidence: Evidence, bad: bool) -> Iterator[Reason]:
        mine, others = evidence.candidate, evidence.stable
        if mine.requests:
            values = {"errors": mine.errors, "requests": mine.requests, "p95": mine.p95_ms or 0.0}
            values |= {"others_errors": others.errors, "others": others.requests}
            text = COUNTED if others.requests else COUNTED_ALONE
            yield Reason("requests", "note", text, values | {"others_p95": others.p95_ms or 0.0})
        for probed in evidence.probes:
            if count := sum(tried.good for tried in probed.through):
                yield Reason("probes", "note", PROBED, {"name": probed.name, "count": count})
        for what in evidence.unknown:
            yield Reason("unknown", "note", UNKNOWN, {"what": what})
        if bad and evidence.messages:
            first = evidence.messages[0]
            yield Reason("log", "note", LOGGED, {"text": first.text, "count": first.count})


def _seen(evidence: Evidence) -> int:
    """What counts as evidence: the candidate's requests, and those of probes that went well through it."""
    probes = sum(tried.requests for probed in evidence.probes for tried in probed.through if tried.good)
    return evidence.candidate.requests + probes
