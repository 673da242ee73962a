"""What is left alone where nobody can tell which releases run: what an older one may still need.

A schema that no release has run on yet holds nothing back. That it is such a one is kept as its comment
until it is made: one that was made half is not taken for one that an older release runs on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus.migrations.declared import declared
from nexus.migrations.history import History
from nexus.migrations.migration import Migration
from nexus.migrations.phase import phases_of
from nexus.migrations.planning.edges import edges
from nexus.migrations.planning.order import heeded, ordered
from nexus.migrations.quoting import identifier

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

NEW = "nexus: no release has run on it yet"
_COMMENT = "SELECT obj_description(to_regnamespace($1), 'pg_namespace')"


@dataclass(frozen=True)
class Left:
    """A migration that is not applied, and why, in a sentence without its name."""

    module: str
    migration: str
    why: str


async def new_modules(connection: Connection, histories: Mapping[str, History]) -> frozenset[str]:
    """The modules whose schemas no release has run on, as far as is known; each is marked as such."""
    found: set[str] = set()
    for module, history in histories.items():
        schema = identifier(history.source.schema)
        if history.source.format == "command" or not history.made:
            continue
        if not history.applied:
            await connection.execute(f"COMMENT ON SCHEMA {schema} IS '{NEW}'")
            found.add(module)
        elif await connection.fetchval(_COMMENT, schema) == NEW:
            found.add(module)
    return frozenset(found)


async def all_made(connection: Connection, history: History) -> None:
    """From now on releases may run on a schema."""
    schema = identifier(history.source.schema)
    if await connection.fetchval(_COMMENT, schema) == NEW:
        await connection.execute(f"COMMENT ON SCHEMA {schema} IS NULL")


def held(
    histories: Mapping[str, History], new: Collection[str]
) -> tuple[tuple[tuple[str, Migration], ...], tuple[Left, ...]]:
    """What is pending in the order in which it may be applied, and what is to be left, with what comes after
    it. `new`: modules of which no release has run.

    Raises:
        PlanRefused: migrations wait for each other, or depend on what is nowhere.
        MigrationUnreadable: a script cannot be read.
    """
    among = edges(histories)
    binding = [
        each
        for each in heeded(histories, among)
        if each.force in ("chain", "declared", "needed", "body") or each.removal
    ]
    able: list[tuple[str, Migration]] = []
    left: dict[str, Left] = {}
    own = {module: dict(_own(history, new)) for module, history in histories.items()}
    for module, migration in ordered(histories, among):
        id = f"{module}/{migration.name}"
        behind = next((edge.before for edge in binding if edge.after == id and edge.before in left), "")
        why = own[module].get(migration.name) or (f"it comes after {behind}" if behind else "")
        if why and migration.name not in histories[module].resumable:
            left[id] = Left(module, migration.name, why)
        else:
            able.append((module, migration))
    return tuple(able), tuple(left.values())


def _own(history: History, new: Collection[str]) -> Iterator[tuple[str, str]]:
    """Name → why it is left by itself."""
    phases = phases_of(history.migrations, [each.name for each in history.pending])
    for migration in history.pending:
        needs = [each for each in declared(migration).after if each.module not in new]
        phase = phases[migration.name]
        if needs:
            yield migration.name, f"it declares after-release={needs[0]}, and which releases run is not known"
        elif phase.name == "contract" and history.source.module not in new:
            yield migration.name, f"it takes away what a release that runs may need: {phase.sentence}"
