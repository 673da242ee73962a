"""What DROP and TRUNCATE lock and destroy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast.enums import DropBehavior, ObjectType

from nexus.migrations.effects.effect import Effect, LockLevel, Table
from nexus.migrations.effects.rows import unknown
from nexus.migrations.effects.scene import Scene

_HOLDS_ROWS = frozenset({ObjectType.OBJECT_TABLE, ObjectType.OBJECT_FOREIGN_TABLE})
_RELATIONS = _HOLDS_ROWS | {
    ObjectType.OBJECT_VIEW,
    ObjectType.OBJECT_MATVIEW,
    ObjectType.OBJECT_SEQUENCE,
}
_OF_TABLES = frozenset({ObjectType.OBJECT_TRIGGER, ObjectType.OBJECT_POLICY, ObjectType.OBJECT_RULE})
_EXCLUSIVE = LockLevel.ACCESS_EXCLUSIVE


def drop(tree: Any, scene: Scene) -> Iterator[Effect]:
    """DROP of whatever kind; CASCADE takes what refers to it too."""
    kind = ObjectType(tree.removeType)
    cascade = tree.behavior == DropBehavior.DROP_CASCADE
    for told in tree.objects or ():
        if kind in _RELATIONS:
            table = scene.table(told)
            yield Effect(table, _EXCLUSIVE, "", "is dropped", destroys=kind in _HOLDS_ROWS)
            yield from _bound(table, scene, cascade)
        elif kind is ObjectType.OBJECT_INDEX:
            yield _index(scene.table(told), bool(tree.concurrent), scene)
        elif kind in _OF_TABLES:
            yield Effect(scene.table(told[:-1]), _EXCLUSIVE, "", f"loses {told[-1].sval}")
        elif kind is ObjectType.OBJECT_SCHEMA:
            for table in sorted(scene.living.tables):
                if table.schema == told.sval:
                    yield Effect(table, _EXCLUSIVE, "", f"goes with the schema {told.sval}", destroys=True)
                    yield from _bound(table, scene, cascade)
        elif cascade and kind in (ObjectType.OBJECT_TYPE, ObjectType.OBJECT_DOMAIN):
            yield from _columns_of(scene.named(kind, told), scene)
        elif cascade:
            yield unknown("CASCADE")


def truncate(tree: Any, scene: Scene) -> Iterator[Effect]:
    """TRUNCATE; CASCADE empties what refers to it too."""
    ahead = [scene.table(each) for each in tree.relations or ()]
    seen: set[Table] = set()
    while ahead:
        table = ahead.pop(0)
        if table in seen:
            continue
        seen.add(table)
        yield Effect(table, _EXCLUSIVE, "", "loses all its rows", destroys=True)
        if tree.behavior == DropBehavior.DROP_CASCADE:
            ahead += sorted({other for other, _ in scene.keys_to(table)})


def _index(index: Table, concurrent: bool, scene: Scene) -> Effect:
    table = scene.owner_of(index)
    if table is None:
        level = LockLevel.SHARE_UPDATE_EXCLUSIVE if concurrent else _EXCLUSIVE
        return Effect(index, level, "", "is dropped; its table, which is not known, is locked likewise")
    if concurrent:
        return Effect(table, LockLevel.SHARE_UPDATE_EXCLUSIVE, "", f"loses the index {index.name}")
    return Effect(table, _EXCLUSIVE, "", f"loses the index {index.name}")


def _bound(table: Table, scene: Scene, cascade: bool) -> Iterator[Effect]:
    """A dropped table's foreign keys have triggers on the tables that they refer to."""
    for other in sorted({other for other, _ in scene.keys_of(table)}):
        yield Effect(other, _EXCLUSIVE, "", f"is no longer referred to by {table}")
    if cascade:
        for view in scene.living.views.get(table, ()):
            yield Effect(view, _EXCLUSIVE, "", f"is a view of {table} and goes with it")
        for other in sorted({other for other, _ in scene.keys_to(table)}):
            yield Effect(other, _EXCLUSIVE, "", f"loses its foreign key to {table}")


def _columns_of(kind: Table, scene: Scene) -> Iterator[Effect]:
    for table, facts in sorted(scene.living.tables.items()):
        for column, told in facts.columns.items():
            if told in (str(kind), kind.name):
                yield Effect(table, _EXCLUSIVE, "", f"loses {column}, which is of {kind.name}", destroys=True)
