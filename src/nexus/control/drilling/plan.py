"""What drills do. Pure."""

from __future__ import annotations

from nexus.control.drilling.choosing import Subject
from nexus.plans import Plan, Step
from nexus.recovery.drilling.runbooks import Runbook
from nexus.recovery.drilling.scenarios import Scenario

# How many times the database is there at once: the stack and the server on which numbers are counted;
# the victim, its backups in two places, what is restored beside it.
AT_ONCE, AT_ONCE_IN_DISASTER = 2, 4
PROOF = "a backup that was never restored proves nothing"


def plan_nightly(stack: str, found: Subject, folder: str, cause: str, keep: bool = False) -> Plan:
    """The newest backup, restored and asked everything."""
    counted = found.counted
    steps = [
        _step(
            "restore", folder, cause, f"restore backup {found.backup.id} from {found.place} as a new stack"
        ),
        _step("start", folder, PROOF, "start its modules on other ports; the clock of the RTO stops here"),
        _step(
            "examine", folder, PROOF, "pg_amcheck every table and index, all invariants, the ways of users"
        ),
    ]
    if counted is not None and counted.totals is not None:
        at = counted.totals.lsn
        does = f"restore backup {counted.id} to {at} and compare the numbers of the business with its own"
        steps.append(_step("count", folder, "a restore that starts may still lack orders", does))
    steps += _ended(stack, folder, keep)
    return Plan(f"drill {stack}", _one_after_another(steps), _notes(found, AT_ONCE))


def plan_scenario(
    stack: str, found: Subject, scenario: Scenario, runbook: Runbook, folder: str, keep: bool = False
) -> Plan:
    """A throwaway stack meets a disaster, and its runbook mends it."""
    cause = f"the drill {scenario.name}"
    backup = f"backup {found.backup.id} from {found.place}"
    steps = [
        _step("victim", folder, cause, f"make a throwaway stack of {backup}, with a second place and a kit"),
        _step("load", folder, "users do not stand still", "write to it, and note what was acknowledged"),
        _step("damage", folder, cause, scenario.happens),
        _step("recover", folder, "the runbook says so", " && ".join(runbook.commands)),
        _step("examine", folder, PROOF, "what was acknowledged, all invariants, the ways of users"),
        *_ended(stack, folder, keep),
    ]
    notes = _notes(found, AT_ONCE_IN_DISASTER)
    return Plan(f"drill {scenario.name} on {stack}", _one_after_another(steps), notes)


def _ended(stack: str, folder: str, keep: bool) -> list[Step]:
    """Both are done also after a step that failed."""
    clean = _step("clean", folder, "it holds real data", "take the stack down, delete all of it")
    report = _step("report", stack, "somebody will ask for it", "sign what was found, keep it in every place")
    return [report] if keep else [clean, report]


def _notes(found: Subject, times: int) -> tuple[str, ...]:
    return (
        "the living stack is not touched",
        f"takes about {max(1, round(found.seconds * times / 60))} min and {found.room * times / 1e9:.1f} GB",
    )


def _step(action: str, target: str, cause: str, does: str) -> Step:
    undo = "delete it" if action in ("restore", "victim", "count") else ""
    return Step(action, action, target, cause, does, undo)


def _one_after_another(steps: list[Step]) -> tuple[Step, ...]:
    found: list[Step] = []
    for each in steps:
        after = (found[-1].id,) if found else ()
        found.append(
            Step(each.id, each.action, each.target, each.cause, each.does, each.undo, after, each.arguments)
        )
    return tuple(found)
