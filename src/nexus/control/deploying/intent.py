"""What a deployment is to change, and the plans that lead there and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nexus.plans import Plan
from nexus.releases import Release
from nexus.releases.records import Kind


@dataclass(frozen=True)
class Intent:
    """What a deployment is to change: from the releases `before` to those `after` (service → id).

    `former` and `titles` are what people call them. `releases` are those that the catalogue must know for it.
    `exceptions`: what was asked for although a rule forbids it, and the operator's reason.
    `idle` says why there is nothing to do when the plan is empty.
    """

    kind: Kind
    plan: Plan
    before: Mapping[str, str]
    after: Mapping[str, str]
    former: tuple[str, ...]
    titles: tuple[str, ...]
    strategy: str = ""
    why: str = ""
    releases: tuple[Release, ...] = ()
    exceptions: Mapping[str, str] = field(default_factory=dict)
    idle: str = ""

    @property
    def services(self) -> tuple[str, ...]:
        """The services that it changes."""
        return tuple(self.after)

    def told(self) -> dict[str, Any]:
        """The event that tells the plan."""
        return {"event": "plan", "plan": self.plan.as_dict(), "text": self.plan.text()}
