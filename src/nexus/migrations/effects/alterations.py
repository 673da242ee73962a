"""What each command of ALTER TABLE locks and works through.

Source: PostgreSQL 18, AlterTableGetLockLevel in tablecmds.c, and the notes of the manual's page ALTER TABLE.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast.enums import AlterTableType as Kind
from pglast.enums import ConstrType, DropBehavior, ObjectType

from nexus.migrations.effects.columns import added_column, not_null_holds
from nexus.migrations.effects.descent import altered_below
from nexus.migrations.effects.effect import Effect, LockLevel, Table, Work
from nexus.migrations.effects.retyping import keeps_order, keeps_rows
from nexus.migrations.effects.scene import Scene
from nexus.migrations.naming import name_of

_LIGHT = frozenset(
    {
        Kind.AT_SetStatistics,
        Kind.AT_ClusterOn,
        Kind.AT_DropCluster,
        Kind.AT_SetOptions,
        Kind.AT_ResetOptions,
        Kind.AT_SetRelOptions,
        Kind.AT_ResetRelOptions,
        Kind.AT_ValidateConstraint,
        Kind.AT_AttachPartition,
        Kind.AT_DetachPartitionFinalize,
    }
)
_TRIGGERS = frozenset(each for each in Kind if "Trig" in each.name)
_REWRITES = {
    Kind.AT_SetAccessMethod: "rewrites the table for another access method",
    Kind.AT_SetTableSpace: "copies the table to another tablespace",
    Kind.AT_SetLogged: "rewrites the table to log it",
    Kind.AT_SetUnLogged: "rewrites the table to log it no longer",
}
_WORDS = {
    Kind.AT_DropConstraint: "drops the constraint {}",
    Kind.AT_DropNotNull: "allows null in {}",
    Kind.AT_ColumnDefault: "changes the default of {}",
    Kind.AT_ChangeOwner: "changes the owner",
    Kind.AT_AddIdentity: "makes {} an identity",
    Kind.AT_DropIdentity: "{} is an identity no longer",
    Kind.AT_EnableRowSecurity: "enables row security",
    Kind.AT_ForceRowSecurity: "forces row security",
    Kind.AT_SetStatistics: "sets the statistics of {}",
    Kind.AT_SetRelOptions: "sets storage options",
    Kind.AT_DropExpression: "computes {} no longer",
}


def alter_table(tree: Any, scene: Scene) -> Iterator[Effect]:
    """ALTER TABLE, and what is written like it: ALTER INDEX, ALTER VIEW, ALTER SEQUENCE."""
    if tree.objtype == ObjectType.OBJECT_TYPE:
        return
    table = scene.table(tree.relation)
    stay = all(Kind(each.subtype) is not Kind.AT_DropConstraint for each in tree.cmds or ())
    for command in tree.cmds or ():
        for effect in _command(command, table, scene, ObjectType(tree.objtype), stay):
            yield effect
            if effect.table == table:
                yield from altered_below(command, effect, scene, only=not tree.relation.inh)


def _command(
    command: Any, table: Table, scene: Scene, among: ObjectType, checks_stay: bool
) -> Iterator[Effect]:
    kind = Kind(command.subtype)
    level = _level(kind, among)
    name = str(command.name or "")
    if kind is Kind.AT_AddColumn:
        yield from added_column(command.def_, table, scene)
    elif kind is Kind.AT_AddConstraint:
        yield from added_constraint(command.def_, table, scene)
    elif kind is Kind.AT_DropColumn:
        yield Effect(table, level, "", f"drops the column {name}", destroys=True)
        yield from _bound(name, table, scene, "loses the foreign key {}")
    elif kind is Kind.AT_SetNotNull:
        holds = not_null_holds(name, table, scene, checks_stay)
        why = f"NOT NULL of {name} is proved already" if holds else f"looks for nulls in {name}"
        yield Effect(table, level, "" if holds else "scan", why)
    elif kind is Kind.AT_AlterColumnType:
        changed = _retyped(command, table, scene)
        yield changed
        checked: Work = "scan" if changed.work == "rewrite" else ""
        yield from _bound(name, table, scene, "has the foreign key {} made anew", checked)
    elif kind is Kind.AT_ValidateConstraint:
        yield Effect(table, level, "scan", f"checks the rows against {name}")
        yield from _referred(name, table, scene, LockLevel.ROW_SHARE, "scan", "the keys are looked up there")
    elif kind is Kind.AT_DropConstraint:
        yield Effect(table, level, "", _WORDS[kind].format(name))
        yield from _referred(name, table, scene, level, "", f"is no longer referred to by {name}")
        if command.behavior == DropBehavior.DROP_CASCADE:
            yield from _referring(name, table, scene)
    elif kind is Kind.AT_SetExpression:
        yield Effect(table, level, "rewrite", f"computes {name} anew in all rows")
    elif kind in (Kind.AT_AttachPartition, Kind.AT_DetachPartition):
        yield from _partition(command, kind, table, scene)
    elif kind in (Kind.AT_AddInherit, Kind.AT_DropInherit):
        yield Effect(table, level, "", "changes what it inherits from")
        parent = LockLevel.SHARE_UPDATE_EXCLUSIVE if kind is Kind.AT_AddInherit else LockLevel.ACCESS_SHARE
        yield scene.lock(command.def_, parent, "", "is inherited from")
    else:
        work: Work = "rewrite" if kind in _REWRITES else ""
        why = _REWRITES.get(kind) or _WORDS.get(kind, _plain(kind)).format(name)
        yield Effect(table, level, work, why)


def _level(kind: Kind, among: ObjectType) -> LockLevel:
    if kind in _LIGHT and among is not ObjectType.OBJECT_VIEW:
        return LockLevel.SHARE_UPDATE_EXCLUSIVE
    return LockLevel.SHARE_ROW_EXCLUSIVE if kind in _TRIGGERS else LockLevel.ACCESS_EXCLUSIVE


def added_constraint(told: Any, table: Table, scene: Scene) -> Iterator[Effect]:
    """ADD CONSTRAINT."""
    kind, name = told.contype, told.conname or "a constraint"
    checked = not told.skip_validation
    if kind == ConstrType.CONSTR_FOREIGN:
        why = f"checks all keys of {name}" if checked else f"adds {name} without looking at the rows"
        work: Work = "scan" if checked else ""
        yield Effect(table, LockLevel.SHARE_ROW_EXCLUSIVE, work, why)
        yield scene.lock(told.pktable, LockLevel.SHARE_ROW_EXCLUSIVE, work, f"is referred to by {name}")
    elif kind in (ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_EXCLUSION):
        yield from _indexed(told, table, scene)
    elif kind == ConstrType.CONSTR_NOTNULL:
        column = name_of(told.keys)
        scans = checked and not not_null_holds(column, table, scene)
        why = f"looks for nulls in {column}" if scans else f"NOT NULL of {column} without a scan"
        yield Effect(table, LockLevel.ACCESS_EXCLUSIVE, "scan" if scans else "", why)
    else:
        checked = checked and bool(told.is_enforced)
        why = f"checks all rows against {name}" if checked else f"adds {name} without looking at the rows"
        yield Effect(table, LockLevel.ACCESS_EXCLUSIVE, "scan" if checked else "", why)


def _indexed(told: Any, table: Table, scene: Scene) -> Iterator[Effect]:
    name = told.conname or "a constraint"
    level = LockLevel.ACCESS_EXCLUSIVE
    if not told.indexname:
        yield Effect(table, level, "index", f"builds the index of {name}")
        return
    index = Table(table.schema, str(told.indexname))
    yield Effect(table, level, "", f"makes the index {index.name} the one of {name}")
    if told.contype == ConstrType.CONSTR_PRIMARY:
        facts = scene.facts(table)
        keys = scene.living.index_columns.get(index, ())
        proved = keys and all(not_null_holds(each, table, scene) for each in keys)
        if facts is None or not proved:
            yield Effect(table, level, "scan", "looks for nulls in the key")


def _retyped(command: Any, table: Table, scene: Scene) -> Effect:
    level, name = LockLevel.ACCESS_EXCLUSIVE, str(command.name)
    facts = scene.facts(table)
    former = facts.columns.get(name) if facts else None
    if former is None:
        return Effect(table, level, "rewrite", f"changes the type of {name}, whose present type is not known")
    if not keeps_rows(former, command):
        return Effect(table, level, "rewrite", f"changes the type of {name} from {former}")
    if facts is not None and not keeps_order(facts.collations.get(name, ""), command):
        built = sorted(
            index.name
            for index, owner in scene.living.indexes.items()
            if owner == table and name in scene.living.index_columns.get(index, (name,))
        )
        if built:
            return Effect(
                table,
                level,
                "index",
                f"changes the collation of {name}, which builds {', '.join(built)} anew",
            )
    word = f"({name} ", f"{name})", f"{name}::", f" {name} "
    if any(each in check for check in scene.living.validated_checks.get(table, ()) for each in word):
        return Effect(table, level, "scan", f"checks the constraints on {name} again")
    return Effect(table, level, "", f"changes the type of {name} from {former}; the rows stay as they are")


def _referred(
    name: str, table: Table, scene: Scene, level: LockLevel, work: Work, why: str
) -> Iterator[Effect]:
    for other, key in scene.keys_of(table):
        if key == name:
            yield Effect(other, level, work, why)


def _referring(name: str, table: Table, scene: Scene) -> Iterator[Effect]:
    """A key takes along the foreign keys that refer to its columns: all, where its columns are not known."""
    columns = scene.living.index_columns.get(Table(table.schema, name))
    for other, key in scene.keys_to(table):
        referred = scene.living.foreign_keys[other][key].referred
        if columns is None or set(columns) == set(referred):
            yield Effect(other, LockLevel.ACCESS_EXCLUSIVE, "", f"loses its foreign key {key} to {table}")


def _bound(column: str, table: Table, scene: Scene, why: str, work: Work = "") -> Iterator[Effect]:
    """The foreign keys of a column are dropped with it, and made anew with its type."""
    for other, name in (*scene.keys_of(table, column), *scene.keys_to(table, column)):
        yield Effect(other, LockLevel.ACCESS_EXCLUSIVE, work, why.format(name))


def _partition(command: Any, kind: Kind, table: Table, scene: Scene) -> Iterator[Effect]:
    partition = scene.table(command.def_.name)
    if kind is Kind.AT_AttachPartition:
        yield Effect(table, LockLevel.SHARE_UPDATE_EXCLUSIVE, "", f"attaches {partition.name}")
        why = "checks that its rows are within the bounds (a valid CHECK that says so spares it)"
        yield Effect(partition, LockLevel.ACCESS_EXCLUSIVE, "scan", why)
        yield from scene.default_of(table, partition.name)
        return
    level = LockLevel.SHARE_UPDATE_EXCLUSIVE if command.def_.concurrent else LockLevel.ACCESS_EXCLUSIVE
    yield Effect(table, level, "", f"detaches {partition.name}")
    yield Effect(partition, LockLevel.ACCESS_EXCLUSIVE, "", "is detached")


def _plain(kind: Kind) -> str:
    words = "".join(f" {each.lower()}" if each.isupper() else each for each in kind.name.removeprefix("AT_"))
    return words.strip() + (" {}" if "Trig" in kind.name or "Storage" in kind.name else "")
