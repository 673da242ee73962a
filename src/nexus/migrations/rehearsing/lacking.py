"""Why a plan that was rehearsed with success is refused as not rehearsed: something was left out."""

from __future__ import annotations

from dataclasses import replace

from nexus.migrations.planning.planned import MigrationPlan, Refusal
from nexus.migrations.rehearsing.report import Report


def with_lacking(plan: MigrationPlan, newest: Report | None) -> MigrationPlan:
    """The plan, its refusal for want of a rehearsal saying what the `newest` one of it left out."""
    if newest is None or not newest.ok or not newest.lacking:
        return plan
    told = f"its rehearsal {newest.id} went well but was not whole: {'; '.join(newest.lacking)}"
    mend = "rehearse all of it: nexus migrate rehearse, without --no-smoke and --rate below 1"
    return replace(
        plan,
        refusals=tuple(
            Refusal("rehearsal", each.about, told, mend, each.code) if each.kind == "rehearsal" else each
            for each in plan.refusals
        ),
    )
