"""The plans of restores that touch no living stack. Pure."""

from __future__ import annotations

from nexus.control.restoring.begun import Begun
from nexus.plans import Plan, Step

CAUSE = "the operator asked for it"


def plan_folder(begun: Begun, folder: str) -> Plan:
    """The database's files in a folder."""
    does = f"restore backup {begun.backup} there, replay to {begun.reaches}, verify every file"
    return Plan(f"restore to {begun.reaches} into {folder}", (_step("restore", folder, does),), _notes(begun))


def plan_stack(begun: Begun, home: str) -> Plan:
    """A whole stack in a home of its own, which appears when all of it is there."""
    draft = f"{home}.new"
    steps = (
        _step("unpack", draft, f"put manifests, secrets, state and releases of backup {begun.backup} there"),
        _step(
            "restore", draft, f"restore its database, replay to {begun.reaches}, verify every file", "unpack"
        ),
        _step("prove", draft, "start it apart, set the secrets' passwords, ask the invariants", "restore"),
        _step("appear", home, f"give {draft} its name", "prove"),
    )
    return Plan(f"restore to {begun.reaches} as a new stack in {home}", steps, _notes(begun))


def _step(action: str, target: str, does: str, *after: str) -> Step:
    return Step(action, action, target, CAUSE, does, "remove it" if action != "appear" else "", after)


def _notes(begun: Begun) -> tuple[str, ...]:
    return (
        f"reaches {begun.reaches}, from backup {begun.backup}",
        f"takes about {max(1, round(begun.minutes))} min; {begun.bytes / 1e9:.1f} GB are restored",
        *begun.notes,
        "no living stack is touched",
    )
