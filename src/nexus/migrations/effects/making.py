"""What a statement makes, so that what comes after it in the same script can be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast

from nexus.migrations.effects.effect import Table
from nexus.migrations.effects.scene import Scene


def made_by(tree: Any, scene: Scene) -> Iterator[Table]:
    """The relations that a statement makes for sure, or that are there under a new name."""
    match tree:
        case ast.CreateStmt():
            yield from _unless_there(scene.table(tree.relation), bool(tree.if_not_exists), scene)
        case ast.SelectStmt(intoClause=ast.IntoClause() as into):
            yield scene.table(into.rel)
        case ast.CreateTableAsStmt():
            made = scene.table(getattr(tree.into, "rel", None))
            yield from _unless_there(made, bool(tree.if_not_exists), scene)
        case ast.ViewStmt():
            yield from _unless_there(scene.table(tree.view), bool(tree.replace), scene)
        case ast.CreateSeqStmt():
            yield from _unless_there(scene.table(tree.sequence), bool(tree.if_not_exists), scene)
        case ast.CreateSchemaStmt():
            within = Scene(str(tree.schemaname or scene.schema), scene.living, scene.made)
            for each in tree.schemaElts or ():
                yield from made_by(each, within)
        case ast.IndexStmt():
            if tree.idxname and scene.table(tree.relation) in scene.made:
                yield Table(scene.table(tree.relation).schema, str(tree.idxname))
        case ast.RenameStmt():
            if tree.relation is not None and not tree.subname and scene.table(tree.relation) in scene.made:
                yield Table(scene.table(tree.relation).schema, str(tree.newname))
        case ast.AlterObjectSchemaStmt():
            if tree.relation is not None and scene.table(tree.relation) in scene.made:
                yield Table(str(tree.newschema), scene.table(tree.relation).name)


def _unless_there(table: Table, may_be_there: bool, scene: Scene) -> Iterator[Table]:
    if not (may_be_there and (not scene.living.tables or table in scene.living.tables)):
        yield table
