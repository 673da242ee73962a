"""What is known of the living database under the names that a statement gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pglast import ast
from pglast.enums import ObjectType

from nexus.migrations.effects.effect import Living, Table
from nexus.migrations.naming import table_of

T = TypeVar("T")
_RELATIONS = frozenset(
    {ObjectType.OBJECT_TABLE, ObjectType.OBJECT_MATVIEW, ObjectType.OBJECT_VIEW, ObjectType.OBJECT_INDEX}
)


def renamed(living: Living, tree: Any, schema: str) -> Living:
    """The same after ALTER … RENAME TO or SET SCHEMA of a relation; `schema`: of names told without one.

    Columns keep the names that they had.
    """
    if not isinstance(tree, ast.RenameStmt | ast.AlterObjectSchemaStmt) or tree.relation is None:
        return living
    _, own, name = table_of(tree.relation)
    old = Table(own or schema, name)
    if isinstance(tree, ast.RenameStmt):
        if ObjectType(tree.renameType or 0) not in _RELATIONS:
            return living
        new = old._replace(name=str(tree.newname))
    else:
        new = old._replace(schema=str(tree.newschema))
    if old not in living.tables and old not in living.indexes:
        return living
    return _under(living, old, new)


def _under(living: Living, old: Table, new: Table) -> Living:
    def name(table: Table) -> Table:
        return new if table == old else table

    def keyed(told: Mapping[Table, T]) -> dict[Table, T]:
        return {name(table): value for table, value in told.items()}

    return replace(
        living,
        tables=keyed(living.tables),
        validated_checks=keyed(living.validated_checks),
        indexes={name(index): name(table) for index, table in living.indexes.items()},
        index_columns=keyed(living.index_columns),
        foreign_keys={
            name(table): {key: told._replace(table=name(told.table)) for key, told in keys.items()}
            for table, keys in living.foreign_keys.items()
        },
        children={name(t): tuple(map(name, those)) for t, those in living.children.items()},
        views={name(t): tuple(map(name, those)) for t, those in living.views.items()},
        defaults={name(t): name(child) for t, child in living.defaults.items()},
    )
