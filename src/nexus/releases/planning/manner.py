"""How a service changes to another release: by which strategy, or as infrastructure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nexus.releases.facts import RolloutFacts
from nexus.stack import Service
from nexus.stack.manifest import Strategy

Manner = Literal["canary", "rolling", "blue-green", "recreate", "upgrade"]
UPGRADED = ("haproxy", "nginx", "valkey")
SHARING = ("canary", "blue-green")
BACK: dict[Manner, str] = {"recreate": "recreate", "upgrade": "upgrade"}


@dataclass(frozen=True)
class Choice:
    """How it changes, and why not as was asked ("" = it does)."""

    manner: Manner
    note: str = ""


def choose(service: Service, facts: RolloutFacts, asked: Strategy | None = None) -> Choice:
    """How a service changes. `service` as its new release has it."""
    if service.runtime in UPGRADED:
        note = (
            f"{service.name} is upgraded in place: --strategy {asked} does not apply to it" if asked else ""
        )
        return Choice("upgrade", note)
    wanted = asked or service.rollout.strategy
    if wanted != "recreate" and service.volumes and service.scale.max == 1:
        why = "two instances would share its volumes: the former stops before the new one starts"
        return Choice("recreate", f"{service.name}: {why}")
    if wanted in SHARING:
        obstacle = facts.unshared.get(service.name, "") or _nothing_to_compare(service, facts)
        if obstacle:
            return Choice("rolling", f"{service.name}: rolling instead of {wanted}: {obstacle}")
    return Choice(wanted)


def way_back(service: Service, facts: RolloutFacts) -> str:
    """The action that brings a former release back."""
    return BACK.get(choose(service, facts).manner, "replace")


def _nothing_to_compare(service: Service, facts: RolloutFacts) -> str:
    stable = facts.stable.get(service.name)
    if stable is not None and not facts.ready_of(stable) and service.name not in facts.candidates:
        return "no instance of its present release is ready that it could be compared with"
    return ""
