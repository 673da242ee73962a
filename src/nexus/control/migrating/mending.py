"""Mending what is recorded of migrations: nothing of the schemas themselves is changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from nexus.control.migrating.desk import Connection, Desk
from nexus.migrations.errors import MigrationError
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
        arguments={"migration": upto},
    )
    return Plan(f"migrate baseline {source.module}", (step,))


class Mending:
    """The hands of the executor. `refused`: why Prisma's rules forbid what was asked."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.refused: MigrationError | None = None

    def actions(self) -> Mapping[str, Action]:
        """Action name → what carries it out; each raises MigrationError where it is forbidden."""
        return {
            "resolve-applied": self._noting(resolve.mark_applied),
            "resolve-rolled-back": self._noting(resolve.mark_rolled_back),
            "baseline": self._noting(_baseline),
        }

    def _noting(self, mend: Callable[[Connection, Source, str], Awaitable[None]]) -> Action:
        async def carry_out(step: Step) -> None:
            async with self._desk.connected() as connection:
                try:
                    await mend(connection, self._desk.source(step.target), step.arguments["migration"])
                except MigrationError as error:
                    self.refused = error
                    raise

        return carry_out


async def _baseline(connection: Connection, source: Source, upto: str) -> None:
    await resolve.baseline(connection, source, upto or None)
