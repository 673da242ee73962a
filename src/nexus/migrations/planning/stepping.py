"""A plan of migrations as steps for the executor: one step for each migration."""

from __future__ import annotations

from nexus.migrations.planning.planned import MigrationPlan, PlannedMigration
from nexus.migrations.planning.sizes import duration
from nexus.plans.plan import Plan, Step

ACTION = "migrate-one"


def steps(plan: MigrationPlan) -> Plan:
    """The steps that carry a plan out; none where it has refusals. Each knows its script's checksum."""
    told = () if plan.refusals else plan.steps
    ids = {each.id for each in told}
    refused = tuple(
        f"{each.about}: {each.sentence}" if each.about else each.sentence for each in plan.refusals
    )
    waiting = tuple(f"{each.id} waits: {sentence}" for each, sentence in plan.later)
    return Plan("migrate", tuple(_step(each, ids) for each in told), (*plan.notes, *waiting, *refused))


def _step(planned: PlannedMigration, ids: set[str]) -> Step:
    return Step(
        f"migrate {planned.id}",
        ACTION,
        planned.source.module,
        "; ".join(planned.causes),
        _does(planned),
        _undo(planned),
        tuple(f"migrate {each}" for each in planned.after if each in ids),
        {"migration": planned.migration.name, "checksum": planned.migration.checksum},
        in_parts=not planned.one,
    )


def _does(planned: PlannedMigration) -> str:
    count = len(planned.statements)
    size = "1 statement" if count == 1 else f"{count} statements"
    verb = "go on with" if planned.resumes else "apply"
    return f"{verb} {planned.migration.name} ({planned.phase}, {size}, {duration(planned.seconds)})"


def _undo(planned: PlannedMigration) -> str:
    """What an expand made can be taken away again; behind a contract only a restore leads."""
    if planned.phase == "expand":
        return f"nexus migrate undo {planned.source.module} {planned.migration.name}"
    return f"restore point nexus-{planned.source.module}-{planned.migration.name}-…"
