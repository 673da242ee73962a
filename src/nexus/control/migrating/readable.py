"""What of the modules can be read, beside what cannot: one broken script hides nothing of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nexus.migrations.errors import MigrationError, MigrationUnreadable
from nexus.migrations.history import read_history
from nexus.migrations.history.state import History
from nexus.migrations.migration import Migration, Source
from nexus.migrations.phase import phases_or_faults
from nexus.migrations.planning.planned import MigrationPlan, Refusal

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]


@dataclass
class Readable:
    """`histories`: module → its own, where its folder can be read; a pending script that cannot is empty in
    it. `faults`: module or `module/name` → why it cannot be read.
    """

    histories: dict[str, History] = field(default_factory=dict)
    faults: dict[str, MigrationError] = field(default_factory=dict)


async def readable(connection: Connection, sources: Iterable[Source]) -> Readable:
    """The histories of all modules whose folder can be read, and what of them cannot."""
    found = Readable()
    for source in sources:
        try:
            history = await read_history(connection, source)
        except MigrationUnreadable as error:
            found.faults[source.module] = error
            continue
        wrong = await asyncio.to_thread(_faults, history)
        found.histories[source.module] = _without(history, wrong)
        found.faults |= {f"{source.module}/{name}": error for name, error in wrong.items()}
    return found


def beside(plan: MigrationPlan, faults: dict[str, MigrationError]) -> MigrationPlan:
    """A plan of what can be read, with a refusal for each thing that cannot. What another module then lacks
    is no fault of its own. Pure.
    """
    if not faults:
        return plan
    unread = tuple(
        Refusal(
            "unreadable",
            about,
            str(error),
            "correct it; the rest of the plan is of what can be read",
            error.code,
        )
        for about, error in faults.items()
    )
    others = tuple(each for each in plan.refusals if each.kind != "missing")
    return replace(
        plan,
        steps=tuple(each for each in plan.steps if each.id not in faults),
        later=tuple(each for each in plan.later if each[0].id not in faults),
        refusals=(*unread, *others),
    )


def _faults(history: History) -> dict[str, MigrationError]:
    pending = {each.name for each in history.pending}
    told = phases_or_faults(history.migrations, pending)
    return {name: each for name, each in told if isinstance(each, MigrationError)}


def _without(history: History, wrong: Collection[str]) -> History:
    if not wrong:
        return history

    def emptied(migration: Migration) -> Migration:
        return replace(migration, sql="") if migration.name in wrong else migration

    return replace(
        history,
        migrations=tuple(map(emptied, history.migrations)),
        pending=tuple(map(emptied, history.pending)),
    )
