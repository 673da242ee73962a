"""One pending migration judged: its phase, what each statement does, its risk, what must be true before."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nexus.migrations.data import brings_data, inserts_into
from nexus.migrations.declared import Declared, declared
from nexus.migrations.effects import effects_of
from nexus.migrations.effects.effect import UNKNOWN, Effect, Living, LockLevel, Table
from nexus.migrations.effects.renaming import renamed
from nexus.migrations.history.state import History
from nexus.migrations.migration import Migration
from nexus.migrations.phase import Phase
from nexus.migrations.planning.edges import Edge
from nexus.migrations.planning.estimates import risk_of, seconds_of
from nexus.migrations.planning.planned import MigrationFacts, PlannedMigration, PlannedStatement
from nexus.migrations.planning.sizes import size
from nexus.migrations.planning.touched import search_schema
from nexus.migrations.statements import Statement, statements
from nexus.migrations.transaction import one_transaction, runs_alone

_NAMED = 6  # tables whose need of space is told one by one


def judged(
    history: History,
    migration: Migration,
    facts: MigrationFacts,
    phase: Phase,
    waits_for: Sequence[Edge],
    made: set[Table],
) -> PlannedMigration:
    """`waits_for`: the edges that end in it. `made`: what migrations before it in the plan made, which no
    code uses yet; what it makes is added.

    Raises:
        MigrationUnreadable: its script or its declarations cannot be read.
    """
    told = declared(migration)
    script = statements(migration)
    found = tuple(_statements(history, migration, script, facts, made))
    bulk = brings_data(migration)
    one = one_transaction(told, [each for each in script if not (bulk and inserts_into(each))])
    id = f"{history.source.module}/{migration.name}"
    resumes = migration.name in history.resumable
    return PlannedMigration(
        history.source,
        migration,
        phase.name,
        phase.reasons,
        causes_of(history.source.module, waits_for),
        before_of(waits_for),
        one,
        found,
        risk_of(found, one),
        tuple(_first(id, phase.name, told, found, facts)),
        told.may_block,
        resumes,
    )


def left_by(history: History, migration: Migration, living: Living) -> Living:
    """What is known of the living database, under the names that a migration leaves behind.

    Raises:
        MigrationUnreadable: its script cannot be read.
    """
    text = migration.sql.lower()
    if "rename" not in text and "schema" not in text:
        return living
    schema = history.source.schema
    for each in statements(migration):
        schema = search_schema(each, schema)
        living = renamed(living, each.tree, schema)
    return living


def causes_of(module: str, waits_for: Sequence[Edge]) -> tuple[str, ...]:
    """Why a migration stands where it stands; that it follows its own module's is plain."""
    told = dict.fromkeys(each.cause for each in waits_for if each.force != "chain")
    return (f"pending in {module}", *told)


def before_of(waits_for: Sequence[Edge]) -> tuple[str, ...]:
    """The ids that a migration waits for."""
    return tuple(sorted({each.before for each in waits_for}))


def _statements(
    history: History,
    migration: Migration,
    script: Sequence[Statement],
    facts: MigrationFacts,
    made: set[Table],
) -> Iterator[PlannedStatement]:
    schema, bulk = history.source.schema, brings_data(migration)
    for into, run in itertools.groupby(script, lambda each: inserts_into(each) if bulk else None):
        if into is not None:
            yield _data(Table(into[0] or schema, into[1]), list(run), facts, made)
            continue
        for each in run:
            schema = search_schema(each, schema)
            yield _statement(each, schema, history, facts, made)
            facts = replace(facts, living=renamed(facts.living, each.tree, schema))


def _statement(
    statement: Statement, schema: str, history: History, facts: MigrationFacts, made: set[Table]
) -> PlannedStatement:
    """Code that nobody can judge has nothing to touch where its module had nothing: its role may do nothing
    in the schemas of others.
    """
    tables = facts.living.tables
    fresh = not history.applied and all(each.schema != history.source.schema for each in tables)
    found = effects_of(statement, schema, facts.living, made)
    effects = tuple(each for each in found if each.known or not fresh)
    known = [tables.get(effect.table) for effect in effects]
    seconds = seconds_of(effects, known, facts.rates)
    return PlannedStatement(
        statement.line,
        statement.head,
        effects,
        seconds if statement.tree is not None else len(statement.sql) / facts.rates.write,
        runs_alone(statement).endswith("CONCURRENTLY"),
        statement.batch,
        {effect.table: one for effect, one in zip(effects, known, strict=True) if one},
    )


def _data(
    table: Table, run: Sequence[Statement], facts: MigrationFacts, made: set[Table]
) -> PlannedStatement:
    """Many INSERTs of values, one after the other, as one."""
    more = f" (and {len(run) - 1:,} more)" if len(run) > 1 else ""
    effects = () if table in made else (Effect(table, LockLevel.ROW_EXCLUSIVE, "", "gets rows"),)
    known = facts.living.tables.get(table)
    return PlannedStatement(
        run[0].line,
        f"INSERT INTO {table} VALUES …{more}",
        effects,
        sum(len(each.sql) for each in run) / facts.rates.write,
        tables={table: known} if known and effects else {},
    )


def _first(
    id: str, phase: str, told: Declared, found: Sequence[PlannedStatement], facts: MigrationFacts
) -> Iterator[str]:
    """What must be true before it begins."""
    module = id.partition("/")[0]
    for need in told.after:
        yield f"{need.module} {need.version} or newer is fully out, and nothing older runs"
    if phase == "contract" and any(each.module == module for each in facts.running):
        yield f"every release of {module} that runs has this migration in its own folder"
    destroyed = {effect.table for each in found for effect in each.effects if effect.destroys}
    if destroyed:
        named = sorted(destroyed - {UNKNOWN})[:_NAMED]
        names = ", ".join(map(str, named)) or "what its code names"
        yield f"a restore point: what is destroyed of {names} is nowhere else (apply names one by itself)"
    yield from _space(found)


def _space(found: Sequence[PlannedStatement]) -> Iterator[str]:
    """A rewrite needs the room of the table and its indexes once more, an index build that of the table."""
    need: dict[Table, int] = {}
    for statement in found:
        for effect in statement.effects:
            known = statement.tables.get(effect.table)
            if known and effect.table != UNKNOWN and effect.lock is not LockLevel.NONE:
                room = {"rewrite": known.total, "index": known.bytes}.get(effect.work, 0)
                need[effect.table] = max(room, need.get(effect.table, 0))
    for table, room in sorted(need.items()):
        if room:
            yield f"{size(room)} of free disk for {table}"
