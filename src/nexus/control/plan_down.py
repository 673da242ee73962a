"""The plan that takes a stack down: what is needed by others goes last."""

from __future__ import annotations

from nexus.control.facts import Facts
from nexus.control.plan_agent import agent_down
from nexus.plans import Plan, Step
from nexus.stack import Service, Stack


def plan_down(stack: Stack, facts: Facts, delete_data: bool = False, backups: str = "") -> Plan:
    """Steps that stop everything that runs, in reverse order; `delete_data` removes the state too. Pure.

    `backups`: the folder with this machine's, where they stay ("" = they go with the data, if there are any).
    """
    running = [service for service in stack.services if facts.of(service.name)]
    names = {service.name for service in running}
    steps = [_stop(stack, facts, service, names) for service in reversed(running)]
    senders = [service for service in running if service.kind in ("module", "gateway")]
    steps += agent_down(facts, (f"stop {service.name}" for service in senders))
    if facts.remains:
        steps.append(
            Step(
                "clear",
                "clear",
                stack.name,
                "the stack is to be down",
                f"remove {facts.remains}",
                after=tuple(step.id for step in steps),
            )
        )
    if delete_data:
        steps.append(
            Step(
                "delete",
                "delete",
                stack.name,
                "the operator asked for it by the stack's name",
                f"remove its databases, secrets, state and logs; {_left(backups)}",
                after=tuple(step.id for step in steps),
                arguments={"backups": "stay" if backups else "go"},
            )
        )
    return Plan(f"take {stack.name} down", tuple(steps))


def plan_delete_backups(backups: str) -> Plan:
    """The step that deletes what `down` had left of a stack whose data are gone already. Pure."""
    cause, does = "the operator asked for it by the stack's name", f"remove {backups}; {_left('')}"
    return Plan("delete the backups", (Step("delete", "delete", backups, cause, does),))


def _left(backups: str) -> str:
    if backups:
        return f"its backups stay in {backups}, and the keys that open them"
    return "its backups on this machine, the reports of drills and the keys that open any go too"


def _stop(stack: Stack, facts: Facts, service: Service, running: set[str]) -> Step:
    count = len(facts.of(service.name))
    return Step(
        f"stop {service.name}",
        "stop",
        service.name,
        "the stack is to be down",
        f"drain and stop {count} instance{'s' if count > 1 else ''}; data stays",
        "start it",
        tuple(f"stop {name}" for name in _users(stack, service) if name in running),
    )


def _users(stack: Stack, service: Service) -> tuple[str, ...]:
    """Who must be gone before a service may stop: what needs it, and the edge before all else."""
    users = [other.name for other in stack.dependents(service.name, transitive=False)]
    if service.kind != "edge":
        users += [other.name for other in stack.of_kind("edge")]
    if service.kind == "gateway" and not service.needs.hard:
        users += [other.name for other in stack.of_kind("module")]
    return tuple(name for name in dict.fromkeys(users) if name != service.name)
