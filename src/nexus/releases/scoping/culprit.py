"""Which release is to blame when a business process is broken."""

from __future__ import annotations

from dataclasses import dataclass

from nexus.releases.facts import RolloutFacts
from nexus.releases.scoping.history import brought
from nexus.stack import Stack

SUSPECT_S = 86_400.0  # releases older than a day are no suspects unless their set was never judged healthy


@dataclass(frozen=True)
class Culprit:
    """The service to blame ("" where no single one can be named), why, and all that were suspected."""

    service: str
    why: str
    recent: tuple[str, ...]


def find_culprit(stack: Stack, facts: RolloutFacts, process: str) -> Culprit:
    """Of what was released lately: first what has bad figures of its own, then what carries the process."""
    steps = {step.module for step in stack.processes[process].steps}
    needed = {need for name in steps if stack.has(name) for need in stack.service(name).needs.hard}
    recent = tuple(name for name in _recent(facts) if stack.has(name))
    if not recent:
        return Culprit("", f"nothing was released lately: a rollback would mend nothing of {process}", ())
    bad = [name for name in recent if name in facts.bad]
    if bad:
        carriers = [each for each in bad if each in steps] + [each for each in bad if each in needed - steps]
        name = _root(stack, carriers or bad)
        return Culprit(name, f"released lately, and its own figures are bad: {facts.bad[name]}", recent)
    for group, role in ((steps, f"carries {process}"), (needed, f"is needed by what carries {process}")):
        within = [name for name in recent if name in group]
        if len(within) == 1:
            return Culprit(within[0], f"the only release of late that {role}", recent)
        if within:
            names = " and ".join(within)
            return Culprit(
                "", f"{names} were released lately and nothing tells which is to blame", tuple(within)
            )
    return Culprit("", f"{' and '.join(recent)} changed lately, though outside {process}", recent)


def _recent(facts: RolloutFacts) -> list[str]:
    """What was released within a day, or since the last healthy set; newest first."""
    healthy = next((each for each in facts.sets if each.healthy), None)
    found: list[tuple[float, str]] = []
    for name, release in facts.stable.items():
        deployment = brought(facts, name)
        if deployment is None:
            continue
        ended = deployment.ended_at or deployment.started_at
        unjudged = healthy is not None and healthy.releases.get(name) != release.id
        if unjudged or facts.at - ended < SUSPECT_S:
            found.append((ended, name))
    return [name for _, name in sorted(found, key=lambda each: (-each[0], each[1]))]


def _root(stack: Stack, bad: list[str]) -> str:
    """One that the other bad ones need, for trouble passes on to consumers; or else the newest."""
    for name in bad:
        dependents = {service.name for service in stack.dependents(name, "any")}
        if len(bad) > 1 and dependents >= set(bad) - {name}:
            return name
    return bad[0]
