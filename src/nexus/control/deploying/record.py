"""What a deployment leaves in the catalogue: its steps with their times, verdicts, gaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus.plans import StepEvent

TOUCHING = frozenset({"shift", "promote", "replace", "recreate", "upgrade"})


class Record:
    """The evidence of one deployment, as far as it is."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.verdicts: list[dict[str, Any]] = []
        self.gaps: list[dict[str, Any]] = []
        self.touched = False  # whether a new release may have got requests
        self.watched = False  # whether the guard let it be after all requests were its
        self.back = False  # whether the steps are those of the way back

    @classmethod
    def of(cls, evidence: Mapping[str, Any]) -> Record:
        """What an earlier control loop recorded, to go on with."""
        record = cls()
        record.steps = list(evidence.get("steps", ()))
        record.verdicts = list(evidence.get("verdicts", ()))
        record.gaps = list(evidence.get("gaps", ()))
        record.touched = bool(evidence.get("touched"))
        record.watched = any(each["action"] == "watch" and not each["error"] for each in record.steps)
        return record

    def step(self, event: StepEvent) -> None:
        """A step began or ended; those that ended are recorded."""
        if event.kind == "started":
            return
        self.watched |= event.step.action == "watch" and event.kind == "done"
        self.steps.append(
            {
                "id": event.step.id,
                "action": event.step.action,
                "target": event.step.target,
                "arguments": dict(event.step.arguments),
                "seconds": round(event.seconds, 3),
                "error": event.error,
                "back": self.back,
            }
        )

    def verdict(self, service: str, phase: str, verdict: dict[str, Any]) -> None:
        """What the guard found."""
        self.verdicts.append({"service": service, "phase": phase, **verdict})

    def heard(self, event: dict[str, Any]) -> None:
        """Something a runtime told: how long a service did not answer."""
        if event.get("event") == "gap":
            self.gaps.append({"service": event["service"], "seconds": event["seconds"]})

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"steps": self.steps, "verdicts": self.verdicts, "gaps": self.gaps, "touched": self.touched}
