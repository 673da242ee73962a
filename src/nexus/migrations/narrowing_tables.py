"""What a change of a table takes from the code that ran before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast.enums import AlterTableType, ObjectType

from nexus.migrations.column import no_value, read_column
from nexus.migrations.naming import Key, key_of, table_of
from nexus.migrations.narrowing_constraints import demanded, demanded_of, may_repeat
from nexus.migrations.script import ColumnKey, Script

_FIRST = frozenset({AlterTableType.AT_DropColumn, AlterTableType.AT_AlterColumnType})
_OF_COLUMNS = {
    AlterTableType.AT_DropColumn: "drops the column {} of {}",
    AlterTableType.AT_AlterColumnType: "changes the type of {} of {}",
    AlterTableType.AT_SetExpression: "changes what {} of {} is computed from",
    AlterTableType.AT_AddIdentity: "makes {} of {} an identity",
}
_NO_FILLING = {
    AlterTableType.AT_ColumnDefault: "drops the default of {} of {}",
    AlterTableType.AT_DropIdentity: "drops the identity of {} of {}",
    AlterTableType.AT_DropExpression: "computes {} of {} no longer",
}
_OF_TABLES = {
    AlterTableType.AT_DropConstraint: "drops the constraint {} of {}",
    AlterTableType.AT_EnableRowSecurity: "hides rows of {1} by row security",
    AlterTableType.AT_ForceRowSecurity: "hides rows of {1} by row security from its owner too",
    AlterTableType.AT_DetachPartition: "detaches a partition from {1}",
    AlterTableType.AT_ChangeOwner: "changes the owner of {1}",
    AlterTableType.AT_DisableTrig: "disables the trigger {} of {}",
    AlterTableType.AT_DisableTrigAll: "disables all triggers of {1}",
    AlterTableType.AT_DisableTrigUser: "disables all triggers of {1}",
    AlterTableType.AT_EnableReplicaTrig: "disables the trigger {} of {} but for replicas",
    AlterTableType.AT_DisableRule: "disables the rule {} of {}",
    AlterTableType.AT_EnableReplicaRule: "disables the rule {} of {} but for replicas",
    AlterTableType.AT_DropInherit: "ends the inheritance of {1}",
}


def alter_table(statement: Any, script: Script) -> Iterator[str]:
    """What ALTER TABLE, or another statement of its form, takes away."""
    table = key_of(ObjectType(statement.objtype), statement.relation)
    if script.owns(table):
        return
    before = frozenset(script.columns)
    for command in statement.cmds or ():
        yield from _alteration(table, command, script, before)
        script.alter(table, command)


def index(statement: Any, script: Script) -> Iterator[str]:
    """What CREATE INDEX takes away: a unique one refuses rows."""
    table = table_of(statement.relation)
    if not statement.unique or script.owns(table):
        return
    columns = {str(each.name) for each in statement.indexParams or ()}
    if may_repeat(table, columns, bool(statement.nulls_not_distinct), script.columns):
        yield f"demands uniqueness ({statement.idxname or 'unnamed'}) on {table[2]}"


def trigger(statement: Any, script: Script) -> Iterator[str]:
    """A trigger on a table that was there may refuse or change what former code writes."""
    if not script.owns(table_of(statement.relation)):
        yield f"adds the trigger {statement.trigname} to {statement.relation.relname}"


def rule(statement: Any, script: Script) -> Iterator[str]:
    """So may a rule."""
    if not script.owns(table_of(statement.relation)):
        yield f"adds the rule {statement.rulename} to {statement.relation.relname}"


def _alteration(table: Key, command: Any, script: Script, before: frozenset[ColumnKey]) -> Iterator[str]:
    """`before`: the script's columns before the statement, which drops and changes types before it adds."""
    kind = AlterTableType(command.subtype)
    key, mine = (table, str(command.name)), script.columns.get((table, str(command.name)))
    if kind is AlterTableType.AT_AddColumn:
        yield from _added(table, command.def_, script)
    elif kind is AlterTableType.AT_AddConstraint:
        told = demanded(table, command.def_, script.columns)
        yield from (told,) if told else ()
    elif kind is AlterTableType.AT_SetNotNull:
        if mine is None or not mine.filled:
            yield f"demands NOT NULL of {command.name} of {table[2]}"
    elif kind in _OF_COLUMNS:
        if mine is None or (kind in _FIRST and key not in before):
            yield _OF_COLUMNS[kind].format(command.name, table[2])
    elif kind in _NO_FILLING:
        empties = kind is not AlterTableType.AT_ColumnDefault or no_value(command.def_)
        if empties and (mine is None or mine.required):
            yield _NO_FILLING[kind].format(command.name, table[2])
    elif kind in _OF_TABLES:
        yield _OF_TABLES[kind].format(command.name, table[2])


def _added(table: Key, told: Any, script: Script) -> Iterator[str]:
    """A column that takes no NULL and does not fill itself in must be named by every insert."""
    column, name = read_column(told), str(told.colname)
    if column.required and not column.filled:
        yield f"adds the column {name}, NOT NULL without a default, to {table[2]}"
        return
    own = {**script.columns, (table, name): column}
    for each in told.constraints or ():
        demand = demanded_of(table, name, each, own)
        if demand:
            yield demand
