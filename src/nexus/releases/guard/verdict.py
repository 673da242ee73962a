"""What the guard says, with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nexus.releases.guard.evidence import Evidence

Decision = Literal["promote", "hold", "roll back"]
Weight = Literal["regression", "suspicion", "doubt", "note"]

GOOD = "{service} is as good as before"
WAITING = "{service} is being judged"
UNKNOWN = "{service} could not be compared with before"
BAD = "{service} is worse than before"


@dataclass(frozen=True)
class Reason:
    """One finding. `about` is its subject in one word; `text` has places in braces for the `values`, so that
    it can be told in other languages. A regression rolls back. A suspicion waits to be confirmed or to go
    away, and rolls back when it stays. A doubt waits for further requests. A note only tells.
    """

    about: str
    weight: Weight
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def sentence(self) -> str:
        return self.text.format(**self.values)

    def as_dict(self) -> dict[str, Any]:
        return {
            "about": self.about,
            "weight": self.weight,
            "text": self.text,
            "values": dict(self.values),
            "sentence": self.sentence(),
        }


@dataclass(frozen=True)
class Verdict:
    """The decision on one service, the reasons in order of their weight, and the figures it rests on."""

    service: str
    decision: Decision
    reasons: tuple[Reason, ...]
    evidence: Evidence

    @property
    def text(self) -> str:
        """What stands before the reasons, with a place for the service."""
        if self.decision == "promote" and any(reason.about == "telemetry" for reason in self.reasons):
            return UNKNOWN
        return {"promote": GOOD, "hold": WAITING, "roll back": BAD}[self.decision]

    def sentence(self) -> str:
        """The decision and its reasons, in English."""
        said = self.text.format(service=self.service)
        told = self.told()
        return f"{said}: {'; '.join(reason.sentence() for reason in told)}" if told else said

    def told(self) -> tuple[Reason, ...]:
        """The reasons that the sentence names: what is wrong, or else everything."""
        wrong = tuple(reason for reason in self.reasons if reason.weight == "regression")
        causes = tuple(reason for reason in self.reasons if reason.about == "log")
        return (*wrong, *causes) if wrong else self.reasons

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the record."""
        return {
            "service": self.service,
            "decision": self.decision,
            "sentence": self.sentence(),
            "text": self.text,
            "told": [reason.as_dict() for reason in self.told()],
            "reasons": [reason.as_dict() for reason in self.reasons],
            **self.evidence.as_dict(),
        }
