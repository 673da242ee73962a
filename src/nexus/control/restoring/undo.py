"""The plan that takes a restore back: the data that were moved aside come back into their place. Pure."""

from __future__ import annotations

from nexus.control.plan_up import plan_up
from nexus.control.restoring.plan import Situation, brought_up, ids, linked, stop_of
from nexus.control.restoring.writers import users
from nexus.plans import Plan, Step


def plan_give_up(found: Situation) -> Plan:
    """The living data were not touched: what was restored beside is removed, and what was stopped starts."""
    cause = "the operator gives the restore up"
    does = "remove what was restored beside; the present data were not touched"
    drop = Step("drop", "drop", found.database, cause, does)
    up = plan_up(found.stack, found.facts)
    return Plan(f"give up the restore of {found.stack.name} to {found.begun.reaches}", (drop, *up.steps))


def plan_undo(found: Situation) -> Plan:
    """The steps that are left. `found.begun.releases` are those of before."""
    begun, stack = found.begun, found.stack
    back = "swap_back" in begun.done
    services = () if back else (*found.stopped, found.database)
    there = [name for name in services if found.facts.of(name)]
    cause = "the operator takes the restore back"
    steps = [
        stop_of(each, cause, tuple(f"stop {user}" for user in users(stack, each, there)))
        for each in map(stack.service, there)
    ]
    steps.append(
        Step(
            "swap_back",
            "swap_back",
            found.database,
            cause,
            "move what was restored aside, put the former data back",
            "",
            ids(steps),
        )
    )
    if begun.releases:
        does = f"make the former releases of {', '.join(begun.releases)} stable again"
        steps.append(Step("releases", "releases", stack.name, cause, does, "", ("swap_back",)))
    steps = [step for step in steps if step.id not in begun.done]
    steps += brought_up(found, ids(steps))
    told = (
        f"what was written since the restore to {begun.reaches} stays in the data that are moved aside",
        *((f"goes on where it was: {len(begun.done)} steps are done",) if begun.done else ()),
    )
    return Plan(f"take back the restore of {stack.name} to {begun.reaches}", tuple(linked(steps)), told)
