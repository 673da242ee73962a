"""What one statement does to the relations that were there before its script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pglast import ast

from nexus.migrations.effects import definitions, removals, rows, upkeep
from nexus.migrations.effects.alterations import alter_table
from nexus.migrations.effects.descent import below
from nexus.migrations.effects.effect import Effect, Living, Table
from nexus.migrations.effects.making import made_by
from nexus.migrations.effects.scene import SYSTEM, Scene
from nexus.migrations.statements import Statement

_HEAVIEST = ("rewrite", "index", "scan", "write", "")
_JUDGES: Mapping[type, Callable[[Any, Scene], Iterator[Effect]]] = {
    **definitions.JUDGES,
    **rows.JUDGES,
    **upkeep.JUDGES,
    ast.AlterTableStmt: alter_table,
    ast.DropStmt: removals.drop,
    ast.TruncateStmt: removals.truncate,
}


def effects_of(statement: Statement, schema: str, living: Living, made: set[Table]) -> tuple[Effect, ...]:
    """What a statement does, one effect per relation, the strongest lock first.

    `schema`: of names told without one. `made`: what the same script made before; locks on that stop nobody,
    so it is left out. The call adds what this statement makes.

    A statement too large to be parsed is data; what it writes is not told.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses it.
    """
    tree = statement.tree
    if tree is None:
        return ()
    scene = Scene(schema, living, made)
    found = list(_effects(tree, scene))
    made |= set(made_by(tree, scene))
    return _merged(each for each in found if each.table not in made and each.table.schema not in SYSTEM)


def _effects(tree: Any, scene: Scene) -> Iterator[Effect]:
    if isinstance(tree, ast.CreateSchemaStmt):
        within = Scene(str(tree.schemaname or scene.schema), scene.living, scene.made)
        for each in tree.schemaElts or ():
            yield from _effects(each, within)
        return
    judge = _JUDGES.get(type(tree))
    if judge is None:
        return
    for effect in judge(tree, scene):
        yield effect
        for child in below(tree, effect.table, scene):
            yield replace(effect, table=child)


def _merged(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    by_table: dict[Table, Effect] = {}
    for each in effects:
        former = by_table.get(each.table)
        by_table[each.table] = _both(former, each) if former else each
    return tuple(sorted(by_table.values(), key=lambda each: (-each.lock, each.table)))


def _both(one: Effect, other: Effect) -> Effect:
    reasons = dict.fromkeys((*one.why.split("; "), *other.why.split("; ")))
    return Effect(
        one.table,
        max(one.lock, other.lock),
        min(one.work, other.work, key=_HEAVIEST.index),
        "; ".join(each for each in reasons if each),
        one.destroys or other.destroys,
        one.known and other.known,
    )
