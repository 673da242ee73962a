"""The plans of restores that touch no living stack. Pure."""

from __future__ import annotations

from nexus.control.restoring.begun import Begun
from nexus.plans import Plan, Step

CAUSE = "the operator asked for it"
APART = (
    "nothing of it is backed up or streamed away; where it is to take the place of the former stack, "
    "`NEXUS_HOME={home} nexus restore --take-over` says so"
)
TAKES_OVER = "it takes over: it goes on with the former stack's backups, and that one must never run again"


def plan_folder(begun: Begun, folder: str) -> Plan:
    """The database's files in a folder."""
    does = f"restore backup {begun.backup} there, replay to {begun.reaches}, verify every file"
    return Plan(f"restore to {begun.reaches} into {folder}", (_step("restore", folder, does),), _notes(begun))


def plan_stack(begun: Begun, home: str, draft: str, take_over: bool) -> Plan:
    """A whole stack in a home of its own, which appears when all of it is there. `take_over`: whether it goes
    on with the backups of the one that it is made from.
    """
    steps = (
        _step("unpack", draft, f"put manifests, secrets, state and releases of backup {begun.backup} there"),
        _step(
            "restore", draft, f"restore its database, replay to {begun.reaches}, verify every file", "unpack"
        ),
        _step("prove", draft, "start it apart, set the secrets' passwords, ask the invariants", "restore"),
        _step("appear", home, f"give {draft} its name", "prove"),
    )
    whose = TAKES_OVER if take_over else f"it is set apart: {APART}".format(home=home)
    title = f"restore to {begun.reaches} as a new stack in {home}"
    return Plan(title, steps, (*_notes(begun), whose))


def _step(action: str, target: str, does: str, *after: str) -> Step:
    return Step(action, action, target, CAUSE, does, "remove it" if action != "appear" else "", after)


def _notes(begun: Begun) -> tuple[str, ...]:
    return (
        f"reaches {begun.reaches}, from backup {begun.backup}",
        f"takes about {max(1, round(begun.minutes))} min; {begun.bytes / 1e9:.1f} GB are restored",
        *((f"not in it: {begun.lost}",) if begun.lost else ()),
        *begun.notes,
        "no living stack is touched",
    )
