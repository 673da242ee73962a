"""The agent of telemetry in the plans of a stack in containers: nothing waits for it, and it goes last."""

from __future__ import annotations

from collections.abc import Iterable

from nexus.control.facts import Facts
from nexus.plans import Step
from nexus.stack.names import TELEMETRY


def agent_up(facts: Facts) -> list[Step]:
    """Steps to an agent that runs this platform's release and knows whom it may ask. Pure."""
    running = facts.of(TELEMETRY)
    if facts.agent is None:
        cause, does = "telemetry is switched off", "stop it"
        return [Step(f"stop {TELEMETRY}", "stop", TELEMETRY, cause, does, "switch it on")] if running else []
    wanted = facts.agent.release
    steps = []
    if facts.agent.unbuilt:
        does = f"build its release {wanted}"
        steps.append(Step(f"build {TELEMETRY}", "build", TELEMETRY, facts.agent.unbuilt, does))
    built = tuple(step.id for step in steps)
    others = sorted({instance.release for instance in running} - {wanted})
    if not facts.ready(TELEMETRY):
        cause = f"{running[0].id} is {running[0].state}" if running else "it does not run"
        does = f"take in telemetry on port {facts.ports[TELEMETRY]}"
        steps.append(Step(f"start {TELEMETRY}", "start", TELEMETRY, cause, does, "stop it", built))
    elif others:
        cause = f"it runs release {', '.join(others)}, the platform holds {wanted}"
        steps.append(Step(f"restart {TELEMETRY}", "restart", TELEMETRY, cause, "replace it", after=built))
    elif TELEMETRY in facts.outdated:
        cause = "the services that it asks changed"
        steps.append(Step(f"reload {TELEMETRY}", "reload", TELEMETRY, cause, "tell it whom it may ask"))
    return steps


def agent_down(facts: Facts, after: Iterable[str]) -> list[Step]:
    """The step that ends it, when those that send to it are gone. Pure."""
    if not facts.of(TELEMETRY):
        return []
    cause, does = "the stack is to be down", "stop it; what was not fetched is lost"
    return [Step(f"stop {TELEMETRY}", "stop", TELEMETRY, cause, does, "start it", tuple(after))]
