"""Mending what is recorded of migrations: nothing of the schemas themselves is changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from nexus.control.migrating.desk import Connection, Desk
from nexus.migrations.errors import MigrationError
from nexus.migrations.history import checks, read_history, resolve
from nexus.migrations.history.edited import mark_edited
from nexus.migrations.history.resuming import mark_resumed
from nexus.migrations.history.state import History
from nexus.migrations.migration import Source
from nexus.plans import Action, Plan, Step

RECORDS = {  # a wish → what is done of it
    "applied": "record {name} as applied",
    "rolled_back": "record {name} as rolled back",
    "resume": "let {name} go on behind what is done of it",
    "edited": "record the file of {name} as what was applied",
}


def resolve_plan(source: Source, wish: str, name: str) -> Plan:
    """The plan that lets the record of a migration say something else. `wish`: a key of `RECORDS`. Pure."""
    step = Step(
        f"resolve {source.module}/{name}",
        f"resolve-{wish.replace('_', '-')}",
        source.module,
        "an operator says so",
        RECORDS[wish].format(name=name),
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

    async def check(self, step: Step) -> None:
        """Looks whether a step may be carried out; changes nothing.

        Raises:
            Unanswered: the database cannot be asked.
            MigrationError: Prisma's rules forbid it.
        """
        async with self._desk.connected() as connection:
            history = await read_history(connection, self._desk.source(step.target))
        _check(history, step.action, step.arguments["migration"])

    def actions(self) -> Mapping[str, Action]:
        """Action name → what carries it out; each raises MigrationError where it is forbidden."""
        return {
            "resolve-applied": self._noting(resolve.mark_applied),
            "resolve-rolled-back": self._noting(resolve.mark_rolled_back),
            "resolve-resume": self._noting(mark_resumed),
            "resolve-edited": self._noting(mark_edited),
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


def _check(history: History, action: str, name: str) -> None:
    """`resume` is looked at by who carries it out, too: what it needs is in our journal."""
    source, rows = history.source, history.rows
    if action in ("resolve-rolled-back", "resolve-resume"):
        checks.check_rolled_back(source, rows, name)
        return
    found = checks.in_folder(source, history.migrations, name) if name else None
    checks.check_made(source, history.made)
    if action == "baseline":
        checks.check_empty(source, rows)
    elif action == "resolve-applied":
        checks.check_applied(source, rows, name)
    elif action == "resolve-edited" and found is not None:
        checks.check_edited(source, rows, found)


async def _baseline(connection: Connection, source: Source, upto: str) -> None:
    await resolve.baseline(connection, source, upto or None)
