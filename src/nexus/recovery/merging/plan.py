"""What a merge would do, as a plan and in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.plans import Plan, Step
from nexus.recovery.merging.difference import Difference, TableDifference
from nexus.recovery.restoring.choice import both


def plan_merge(found: Difference, database: str, zone: str, checks: int, hearers: Sequence[str] = ()) -> Plan:
    """The steps. `database`: the service whose server it is; `zone`: on whose clock times are told; `checks`:
    how many invariants read the schema; `hearers`: the modules that hear of this one's events.
    """
    title = f"bring rows of {found.module} back as of {found.reached}"
    notes = [line for each in found.tables for line in _told(each, zone)]
    notes += found.notes
    if found.conflicts:
        notes.append(
            f"{found.conflicts} rows are conflicts: somebody wrote them after the damage; they are kept "
            "(--take then overwrites them)"
        )
    if not found.written:
        return Plan(title, (), tuple(notes or ("then and now are the same",)))
    if hearers:
        notes.append(
            f"no event tells of it, and {', '.join(hearers)} listen to those of {found.module}: what is "
            "known there stays as it is; where something is missing, let the module send it again"
        )
    cause = "the operator wants them back"
    point = Step("point", "point", database, cause, "make a restore point to go back to")
    tables = found.ordered()
    work = ", ".join(f"{each.table}: {_written(each)}" for each in tables)
    does = (
        f"in one transaction: {work}; the rows are locked until its end; "
        f"{checks} invariants are asked before and in it"
    )
    undo = "one that fails leaves nothing; afterwards the restore point"
    merge = Step("merge", "merge", found.module, cause, does, undo, ("point",))
    return Plan(title, (point, merge), tuple(notes))


def _told(found: TableDifference, zone: str) -> list[str]:
    """The counts of one table, and who wrote what differs."""
    parts = ((found.deleted, "deleted since"), (found.changed, "changed"), (found.added, "made since"))
    counts = ", ".join(f"{count} {does}" for count, does in parts if count)
    if not counts:
        return []
    lines = [f"{found.table}: {counts} ({found.then} rows then, {found.now} now)"]
    if found.differ:
        lines.append(f"{found.table}: " + ", ".join(f"{name} in {n}" for name, n in found.differ.items()))
    lines += [
        f"{found.table}: {each.rows} of them were written last by transaction {each.xid}"
        + (f" at {both(each.at, zone)}" if each.at is not None else "")
        for each in found.writers
        if each.rows > 1
    ]
    return lines


def _written(found: TableDifference) -> str:
    parts = ((found.back, "brought back"), (found.put, "put back"), (found.away, "taken away"))
    return " and ".join(f"{count} {does}" for count, does in parts if count)
