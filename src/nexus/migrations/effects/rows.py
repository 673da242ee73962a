"""What statements that read and write rows lock and work through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pglast import ast

from nexus.migrations.deletions import DESTROYING, merges_away
from nexus.migrations.effects.effect import UNKNOWN, Effect, LockLevel, Table
from nexus.migrations.effects.scene import Scene
from nexus.migrations.naming import name_of

_WRITES = LockLevel.ROW_EXCLUSIVE


def select(tree: Any, scene: Scene) -> Iterator[Effect]:
    """SELECT; its data-modifying WITH too."""
    yield from _with(tree, scene)
    yield from scene.read(tree, "scan" if tree.intoClause else "", "is read")
    for told in tree.targetList or ():
        call = getattr(told, "val", None)
        if isinstance(call, ast.FuncCall) and _unknown(name_of(call.funcname), scene):
            yield unknown(f"{name_of(call.funcname)}()")


def insert(tree: Any, scene: Scene) -> Iterator[Effect]:
    """INSERT of values, or of what a query finds."""
    yield from _with(tree, scene)
    query = tree.selectStmt
    values = query is None or bool(query.valuesLists)
    yield scene.lock(tree.relation, _WRITES, "" if values else "write", "gets rows")
    if query is not None:
        yield from scene.read(query, "" if values else "scan", "is read")


def update(tree: Any, scene: Scene) -> Iterator[Effect]:
    """UPDATE."""
    yield from _with(tree, scene)
    yield scene.lock(tree.relation, _WRITES, "write", "has its rows updated" + _all(tree))
    yield from _others(tree, scene)


def delete(tree: Any, scene: Scene) -> Iterator[Effect]:
    """DELETE."""
    yield from _with(tree, scene)
    yield scene.lock(tree.relation, _WRITES, "write", "loses rows" + _all(tree), destroys=True)
    yield from _followers(scene.table(tree.relation), scene)
    yield from _others(tree, scene)


def merge(tree: Any, scene: Scene) -> Iterator[Effect]:
    """MERGE."""
    yield from _with(tree, scene)
    deletes = merges_away(tree)
    why = "is merged into, and loses rows" if deletes else "is merged into"
    yield scene.lock(tree.relation, _WRITES, "write", why, destroys=deletes)
    if deletes:
        yield from _followers(scene.table(tree.relation), scene)
    yield from _others(tree, scene)


def copy(tree: Any, scene: Scene) -> Iterator[Effect]:
    """COPY."""
    if tree.relation is not None:
        level = _WRITES if tree.is_from else LockLevel.ACCESS_SHARE
        yield scene.lock(tree.relation, level, "write" if tree.is_from else "scan", "is copied")
    else:
        yield from scene.read(tree.query, "scan", "is read")


def create_as(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW."""
    empty = bool(getattr(tree.into, "skipData", False))
    yield from scene.read(tree.query, "" if empty else "scan", "is read")


def opaque(tree: Any, scene: Scene) -> Iterator[Effect]:
    """Code, and what is about whatever is there."""
    effect = unknown(_OPAQUE[type(tree)])
    if isinstance(tree, ast.DoStmt) and (word := DESTROYING.search(_body(tree))):
        yield replace(
            effect, why=f"{effect.why}, and it says {' '.join(word[0].upper().split())}", destroys=True
        )
    else:
        yield effect


def unknown(what: str) -> Effect:
    """The effect of what nobody can judge before it has run."""
    return Effect(UNKNOWN, LockLevel.NONE, "", f"{what}: what it locks is not known", known=False)


def _body(tree: Any) -> str:
    return next((str(each.arg.sval) for each in tree.args or () if each.defname == "as"), "")


def _followers(table: Table, scene: Scene) -> Iterator[Effect]:
    """What ON DELETE does in the tables that refer to one that loses rows, all the way down."""
    ahead, seen = [table], {table}
    while ahead:
        here = ahead.pop(0)
        for other, name in scene.keys_to(here):
            action = scene.living.foreign_keys[other][name].on_delete
            if action == "c":
                why = f"loses the rows that refer to those of {here} ({name})"
                yield Effect(other, _WRITES, "write", why, destroys=True)
            elif action in ("n", "d"):
                yield Effect(other, _WRITES, "write", f"no longer refers to the lost rows of {here} ({name})")
            if action == "c" and other not in seen:
                seen.add(other)
                ahead.append(other)


def _with(tree: Any, scene: Scene) -> Iterator[Effect]:
    for each in tree.withClause.ctes if tree.withClause else ():
        judge = JUDGES.get(type(each.ctequery))
        if judge and not isinstance(each.ctequery, ast.SelectStmt):
            yield from judge(each.ctequery, scene)


def _others(tree: Any, scene: Scene) -> Iterator[Effect]:
    """What is read besides the table that is written."""
    target = scene.table(tree.relation)
    for effect in scene.read(tree, "", "is read"):
        if effect.table != target:
            yield effect


def _all(tree: Any) -> str:
    return "" if tree.whereClause else ", all of them"


def _unknown(name: str, scene: Scene) -> bool:
    return name not in _HARMLESS and name not in scene.living.settled


# Volatile functions, and aggregates, of PostgreSQL that touch no table of the modules.
_HARMLESS = frozenset(
    "setval nextval set_config count sum min max avg coalesce array_agg json_agg jsonb_agg string_agg "
    "pg_sleep gen_random_uuid uuidv4 uuidv7 random clock_timestamp pg_advisory_lock pg_advisory_xact_lock "
    "pg_advisory_unlock pg_notify".split()
)
_OPAQUE: Mapping[type, str] = {
    ast.DoStmt: "a DO block",
    ast.CallStmt: "a procedure",
    ast.ExecuteStmt: "a prepared statement",
    ast.AlterExtensionStmt: "an extension's own script",
    ast.AlterTableMoveAllStmt: "a move of all that is in a tablespace",
    ast.DropOwnedStmt: "DROP OWNED",
    ast.ReassignOwnedStmt: "REASSIGN OWNED",
}
JUDGES: Mapping[type, Callable[[Any, Scene], Iterator[Effect]]] = {
    ast.SelectStmt: select,
    ast.InsertStmt: insert,
    ast.UpdateStmt: update,
    ast.DeleteStmt: delete,
    ast.MergeStmt: merge,
    ast.CopyStmt: copy,
    ast.CreateTableAsStmt: create_as,
    **dict.fromkeys(_OPAQUE, opaque),
}
