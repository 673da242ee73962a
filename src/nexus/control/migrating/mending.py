"""Mending what is recorded of migrations: nothing of the schemas themselves is changed."""

from __future__ import annotations

from collections.abc import Mapping

from nexus.control.migrating.desk import Desk
from nexus.migrations.history import resolve
from nexus.migrations.migration import Source
from nexus.plans import Action, Plan, Step


def resolve_plan(source: Source, name: str, applied: bool) -> Plan:
    """The plan that records a migration as applied, or as rolled back. Pure."""
    what = "applied" if applied else "rolled back"
    step = Step(
        f"resolve {source.module}/{name}",
        "resolve-applied" if applied else "resolve-rolled-back",
        source.module,
        "an operator says so",
        f"record {name} as {what}",
        arguments={"migration": name},
    )
    return Plan(f"migrate resolve {source.module}", (step,))


def baseline_plan(source: Source, upto: str) -> Plan:
    """The plan that records the migrations up to `upto` ("" = all) as applied. Pure."""
    step = Step(
        f"baseline {source.module}",
        "baseline",
        source.module,
        "an operator says that the schema holds them already",
        f"record all migrations up to {upto} as applied" if upto else "record all migrations as applied",
        arguments={"upto": upto},
    )
    return Plan(f"migrate baseline {source.module}", (step,))


def mend_actions(desk: Desk) -> Mapping[str, Action]:
    """Action name → what carries it out; each raises HistoryBroken where Prisma's rules forbid it."""

    async def applied(step: Step) -> None:
        async with desk.connected() as connection:
            await resolve.mark_applied(connection, desk.source(step.target), step.arguments["migration"])

    async def rolled_back(step: Step) -> None:
        async with desk.connected() as connection:
            await resolve.mark_rolled_back(connection, desk.source(step.target), step.arguments["migration"])

    async def baseline(step: Step) -> None:
        async with desk.connected() as connection:
            await resolve.baseline(connection, desk.source(step.target), step.arguments["upto"] or None)

    return {"resolve-applied": applied, "resolve-rolled-back": rolled_back, "baseline": baseline}
