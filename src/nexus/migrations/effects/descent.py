"""Which partitions and inheriting tables a statement reaches through the table that it names.

Source: PostgreSQL 18, ATPrepCmd in tablecmds.c (which commands recurse); the manual's pages of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType as Kind
from pglast.enums import ConstrType, ObjectType

from nexus.migrations.effects.effect import Effect, Table
from nexus.migrations.effects.scene import Scene

_NEVER = frozenset(
    {
        Kind.AT_SetRelOptions,
        Kind.AT_ResetRelOptions,
        Kind.AT_ReplaceRelOptions,
        Kind.AT_SetOptions,
        Kind.AT_ResetOptions,
        Kind.AT_ChangeOwner,
        Kind.AT_ClusterOn,
        Kind.AT_DropCluster,
        Kind.AT_ReplicaIdentity,
        Kind.AT_SetLogged,
        Kind.AT_SetUnLogged,
        Kind.AT_SetTableSpace,
        Kind.AT_SetAccessMethod,
        Kind.AT_AddInherit,
        Kind.AT_DropInherit,
        Kind.AT_AddOf,
        Kind.AT_DropOf,
        Kind.AT_AttachPartition,
        Kind.AT_DetachPartition,
        Kind.AT_DetachPartitionFinalize,
    }
) | frozenset(each for each in Kind if "RowSecurity" in each.name or "Rule" in each.name)
_OF_PARTITIONS = frozenset(
    {
        ConstrType.CONSTR_UNIQUE,
        ConstrType.CONSTR_PRIMARY,
        ConstrType.CONSTR_EXCLUSION,
        ConstrType.CONSTR_FOREIGN,
    }
)
_ROWS = (ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
_CLONED = (ast.IndexStmt, ast.CreateTrigStmt, ast.ReindexStmt, ast.InsertStmt, ast.CopyStmt)


def altered_below(command: Any, effect: Effect, scene: Scene, only: bool) -> Iterator[Effect]:
    """What a command of ALTER TABLE does to the children of its table. `only`: it says ONLY.

    Keys and indexes stay with a table whose children merely inherit; these are locked all the same.
    """
    kind = Kind(command.subtype)
    partitioned = scene.partitioned(effect.table)
    if only or kind in _NEVER or ("Trig" in kind.name and not partitioned):
        return
    alone = kind is Kind.AT_AddConstraint and command.def_.contype in _OF_PARTITIONS and not partitioned
    for child in scene.children(effect.table):
        yield replace(effect, table=child, work="" if alone else effect.work)


def below(tree: Any, table: Table, scene: Scene) -> tuple[Table, ...]:
    """What any other statement does to the children of a table that it names."""
    if not scene.children(table) or _says_only(tree, table, scene):
        return ()
    match tree:
        case ast.TruncateStmt() | ast.LockStmt() | ast.VacuumStmt():
            return scene.children(table)
        case ast.RenameStmt():
            return scene.children(table) if tree.subname else ()
        case ast.DropStmt():
            whole = tree.removeType in (ObjectType.OBJECT_TABLE, ObjectType.OBJECT_SCHEMA)
            cloned = tree.removeType in (ObjectType.OBJECT_INDEX, ObjectType.OBJECT_TRIGGER)
            return scene.children(table) if whole or (cloned and scene.partitioned(table)) else ()
    if isinstance(tree, _ROWS) and table == scene.table(tree.relation):
        return scene.children(table)
    if isinstance(tree, _CLONED) and scene.partitioned(table):
        return scene.children(table)
    return ()


def _says_only(tree: Any, table: Table, scene: Scene) -> bool:
    told = getattr(tree, "relations", None) or (getattr(tree, "relation", None),)
    return any(each is not None and not each.inh and scene.table(each) == table for each in told)
