"""The plan that replaces the instances of services by fresh ones of their stable releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nexus.plans import Plan, Step
from nexus.stack import Service, Stack


def plan_restart(stack: Stack, names: Sequence[str], who: str, unbuilt: Mapping[str, str]) -> Plan:
    """Builds what is not built yet, then replaces the services' instances. Pure."""
    steps = [
        Step(f"build {name}", "build", name, cause, f"build its release {stack.service(name).release}")
        for name, cause in unbuilt.items()
    ]
    steps += [
        Step(
            f"restart {name}",
            "restart",
            name,
            f"asked by {who}",
            _does(stack.service(name)),
            after=(f"build {name}",) if name in unbuilt else (),
        )
        for name in names
    ]
    return Plan(f"restart {', '.join(names)}", tuple(steps))


def _does(service: Service) -> str:
    if service.kind != "module":
        return "start it again on its present settings"
    if service.rollout.strategy == "recreate":
        return "stop its instances, then start fresh ones"
    return "replace its instances one by one, the new beside the old"
