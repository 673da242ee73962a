"""The plans around a standby on another node of a Swarm. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nexus.plans import Plan, Step
from nexus.standby.members import standby_name
from nexus.standby.planning import Wish


def plan_add_elsewhere(service: str, node: str, volume: str, there: bool, wish: Wish, who: str) -> Plan:
    """Makes a standby of the database `service` on a node, in a volume of its own. `there`: it is one."""
    name, cause, steps = standby_name(service), f"asked by {who}", list[Step]()
    told = {"synchronous": str(wish.synchronous), "auto": str(wish.auto)}
    if not there:
        steps.append(
            Step(
                "admit",
                "admit",
                service,
                cause,
                "make a role that may replicate, with a new password, and a slot that keeps the WAL it needs",
                "drop both",
            )
        )
        does = f"copy the living database to volume {volume} of node {node}, and follow it from there"
        steps.append(Step("follow", "follow", name, cause, does, "stop it", ("admit",), told))
    waits = "and let each commit wait for it" if wish.synchronous else "(commits do not wait for it)"
    does = f"wait until it has all the primary has {waits}"
    steps.append(Step("stream", "stream", name, cause, does, "", tuple(s.id for s in steps[-1:]), told))
    return Plan(f"add a standby of {service} on node {node}", tuple(steps))


def plan_remove_elsewhere(service: str, there: bool, volumes: tuple[str, ...], who: str) -> Plan:
    """Forgets the standby, where it is `there`; empties `volumes` (VOLUME of NODE), served no more."""
    name, cause, steps = standby_name(service), f"asked by {who}", list[Step]()
    if there:
        does = "let commits wait for it no more, stop it, drop its slot"
        steps.append(Step("dismiss", "dismiss", name, cause, does))
    listed = ", ".join(volumes) or "its volume"
    after = tuple(step.id for step in steps)
    does = f"empty what is served no more: {listed}"
    steps.append(Step("discard", "discard", name, cause, does, "add a standby", after, {}, True))
    return Plan(f"remove the standby of {service}", tuple(steps))


@dataclass(frozen=True)
class MoveElsewhere:
    """Who takes whose place. `holder`, `to`: the nodes' names; `volume`: what is served from then on;
    `decision`: its number; `forced`: also where the old primary may go on acknowledging.
    """

    service: str
    holder: str
    to: str
    volume: str
    decision: int
    cause: str
    forced: bool = False


def plan_move(move: MoveElsewhere) -> Plan:
    """The standby takes the primary's place, whether that lives or not."""
    service, name, cause = move.service, standby_name(move.service), move.cause
    told = {"decision": str(move.decision), "why": cause, "forced": str(move.forced)}
    after = "nothing more is acknowledged"
    rows = (
        (
            "fence",
            service,
            cause,
            f"have the managers run it nowhere; wait until it ended on {move.holder}",
        ),
        ("promote", name, after, f"make the standby on {move.to} a primary"),
        ("hand_over", name, after, "stop it in order, so that its volume is free"),
        (
            "serve",
            service,
            cause,
            f"run {service} from volume {move.volume} on {move.to}, under its name",
        ),
        ("verify", service, cause, "commit something through the stable address of the database"),
        ("retire", name, cause, "take the standby's service away"),
        ("mark", service, cause, f"mark the old volume on {move.holder}, so that nothing serves it again"),
    )
    steps: list[Step] = []
    for action, target, why, does in rows:
        before = tuple(step.id for step in steps[-1:])
        steps.append(Step(action, action, target, why, does, "", before, told))
    return Plan(f"move {service} to node {move.to}", tuple(steps))
