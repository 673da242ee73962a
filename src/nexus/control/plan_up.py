"""The plan that brings a stack up: only what is missing, in the order the graph demands."""

from __future__ import annotations

from dataclasses import replace

from nexus.control.facts import Facts, InstanceFacts
from nexus.control.plan_agent import agent_up
from nexus.control.plan_migrations import migrations, waiting
from nexus.control.releasing import Released, first_releases
from nexus.plans import Plan, Step
from nexus.stack import Service, Stack
from nexus.stack.names import TELEMETRY

NOTHING_TOLD = Released()


def plan_up(stack: Stack, facts: Facts, releases: Released = NOTHING_TOLD) -> Plan:
    """Steps from what is to a stack that is wholly up; empty when it already is. Pure.

    `stack` holds each service as its stable release has it, and those of `releases.missing` as their sources
    are.
    """
    steps: list[Step] = list(first_releases(stack, releases.missing))
    missing = {name: names for name, names in facts.secrets_missing.items() if names}
    if missing:
        count = sum(len(names) for names in missing.values())
        steps.append(
            Step(
                "secrets",
                "secrets",
                stack.name,
                f"{count} secrets of {len(missing)} services do not exist yet",
                "generate them, each a file only its service can read",
            )
        )
    base = ("secrets",) if missing else ()
    for service in stack.services:
        if service.kind == "database" and service.name not in facts.initialised:
            steps.append(
                Step(
                    f"initialise {service.name}",
                    "initialise",
                    service.name,
                    "it has no data folder",
                    "create an empty one",
                    "remove it",
                    base,
                )
            )
    steps += migrations(stack, facts, base)
    steps += [_build(stack.service(name), cause) for name, cause in facts.unbuilt.items()]
    steps += agent_up(facts)
    steps += _stop_switched_off(stack, facts)
    steps += [_reload(stack.service(name)) for name in sorted(facts.outdated) if stack.has(name)]
    steps += [_start(stack, facts, service, base) for service in stack.services if _short(facts, service)]
    steps += [step for service in stack.services for step in _restart(stack, facts, service)]
    steps += _keys(stack, facts)
    known = {step.id for step in steps}
    return Plan(
        f"bring {stack.name} up",
        tuple(_only_known(step, known) for step in steps),
        (*(notes(stack, facts) if steps else ()), *releases.notes()),
    )


def notes(stack: Stack, facts: Facts) -> tuple[str, ...]:
    """What the operator should know before saying yes."""
    found = list(facts.notes)
    for service in stack.services:
        missing = [need for need in service.needs.soft if not stack.has(need)]
        if missing:
            are = "is" if len(missing) == 1 else "are"
            found.append(f"{service.name} runs degraded: {', '.join(missing)} {are} off")
    found += waiting(facts)
    for service in stack.services:
        for instance in facts.of(service.name):
            if instance.release != service.release:
                found.append(
                    f"{instance.id} runs release {instance.release}, stable is {service.release}; "
                    f"`nexus restart {service.name}` changes over"
                )
    return tuple(found)


def _build(service: Service, cause: str) -> Step:
    return Step(
        f"build {service.name}",
        "build",
        service.name,
        cause,
        f"build its release {service.release}",
        after=("release",) if service.is_brick else (),
    )


def _stop_switched_off(stack: Stack, facts: Facts) -> list[Step]:
    names = facts.instances.keys() - {TELEMETRY}
    off = [name for name in sorted(names) if facts.of(name) and not stack.has(name)]
    does = "drain and stop it; its data stays"
    return [Step(f"stop {name}", "stop", name, "it is switched off", does, "switch it on") for name in off]


def _reload(service: Service) -> Step:
    return Step(
        f"reload {service.name}",
        "reload",
        service.name,
        "its manifest or the services behind it changed",
        "render its configuration anew and take over its listeners, refusing no connection",
        "reload it with the former one",
    )


def _restart(stack: Stack, facts: Facts, service: Service) -> list[Step]:
    """A running module learns of a new neighbour, or in a container of a new secret, only by a restart."""
    if service.kind != "module" or _short(facts, service):
        return []
    needs = [need for need in service.needs.soft if stack.has(need) and stack.service(need).kind == "module"]
    new = [need for need in needs if any(_ignores(instance, need) for instance in facts.of(service.name))]
    stale = service.name in facts.stale
    if not new and not stale:
        return []
    causes = [
        *([f"it was started without {', '.join(new)}"] if new else []),
        *(["its secrets change"] * stale),
    ]
    before = (
        f"build {service.name}",
        "secrets",
        f"migrate {service.name}",
        *(f"start {need}" for need in new),
    )
    return [
        Step(
            f"restart {service.name}",
            "restart",
            service.name,
            "; ".join(causes),
            "replace its instances one by one",
            after=before,
        )
    ]


def _ignores(instance: InstanceFacts, need: str) -> bool:
    return instance.knows is not None and need not in instance.knows


def _short(facts: Facts, service: Service) -> bool:
    return facts.ready(service.name) < service.scale.min


def _start(stack: Stack, facts: Facts, service: Service, base: tuple[str, ...]) -> Step:
    running, wanted = facts.of(service.name), service.scale.min
    unready = [instance for instance in running if instance.state != "ready"]
    if unready:
        cause = f"{unready[0].id} is {unready[0].state}" + (f" ({unready[0].why})" if unready[0].why else "")
    elif running:
        cause = f"{len(running)} of {wanted} instances run"
    else:
        cause = "it does not run"
    count = wanted - len(running)
    does = f"start {count} instance{'s' if count > 1 else ''}" if count > 0 else "wait for it"
    port = facts.ports[service.name]
    return Step(
        f"start {service.name}",
        "start",
        service.name,
        cause,
        f"{does}, ready on port {port}",
        "stop it",
        (*base, *_before(stack, service)),
    )


def _before(stack: Stack, service: Service) -> tuple[str, ...]:
    """What must have happened before a service can start: its own data, and its hard needs."""
    before = [f"build {service.name}", *(f"start {need}" for need in service.needs.hard)]
    if service.is_brick:  # infrastructure runs while its first release is noted
        before.append("release")
    if service.kind == "database":
        before.append(f"initialise {service.name}")
    if service.database:
        before.append(f"migrate {service.name}")
    if service.kind == "edge":
        before += [f"start {other.name}" for other in stack.services if other.kind != "edge"]
    if service.kind == "module":
        gateways = [other.name for other in stack.of_kind("gateway") if not other.needs.hard]
        before += [f"{action} {name}" for name in gateways for action in ("start", "reload")]
    return tuple(dict.fromkeys(before))


def _keys(stack: Stack, facts: Facts) -> list[Step]:
    publishers = [service for service in stack.services if service.jwks]
    gateways = stack.of_kind("gateway")
    if not publishers or not gateways or facts.keys:
        return []
    return [
        Step(
            f"keys {gateway.name}",
            "keys",
            gateway.name,
            "it knows no key to verify tokens with",
            f"fetch the keys of {', '.join(service.name for service in publishers)}",
            after=(f"start {gateway.name}", *(f"start {service.name}" for service in publishers)),
        )
        for gateway in gateways
    ]


def _only_known(step: Step, known: set[str]) -> Step:
    """Drops predecessors that are already true and therefore not in the plan."""
    return replace(step, after=tuple(before for before in step.after if before in known))
