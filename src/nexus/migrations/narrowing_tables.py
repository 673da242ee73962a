"""What a change of a table takes from the code that ran before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ConstrType
from pglast.visitors import Visitor

from nexus.migrations.script import Script, fills_itself, name_of

_DEMANDS = {
    ConstrType.CONSTR_CHECK: "a check",
    ConstrType.CONSTR_PRIMARY: "a primary key",
    ConstrType.CONSTR_UNIQUE: "uniqueness",
    ConstrType.CONSTR_EXCLUSION: "an exclusion",
    ConstrType.CONSTR_FOREIGN: "a foreign key",
    ConstrType.CONSTR_NOTNULL: "NOT NULL",
}
_NO_NULL = frozenset({ConstrType.CONSTR_NOTNULL, ConstrType.CONSTR_PRIMARY})
_OF_COLUMNS = {
    AlterTableType.AT_DropColumn: "drops the column {} of {}",
    AlterTableType.AT_AlterColumnType: "changes the type of {} of {}",
    AlterTableType.AT_SetExpression: "changes what {} of {} is computed from",
    AlterTableType.AT_DropIdentity: "drops the identity of {} of {}",
    AlterTableType.AT_AddIdentity: "makes {} of {} an identity",
}
_OF_TABLES = {
    AlterTableType.AT_DropConstraint: "drops the constraint {} of {}",
    AlterTableType.AT_EnableRowSecurity: "hides rows of {1} by row security",
    AlterTableType.AT_ForceRowSecurity: "hides rows of {1} by row security from its owner too",
    AlterTableType.AT_DetachPartition: "detaches a partition from {1}",
    AlterTableType.AT_DropInherit: "ends the inheritance of {1}",
}


def alter_table(statement: Any, script: Script) -> Iterator[str]:
    """What ALTER TABLE, or another statement of its form, takes away."""
    table = name_of(statement.relation)
    if table in script.made:
        return
    for command in statement.cmds or ():
        what = _alteration(table, command, script)
        if what:
            yield what


def index(statement: Any, script: Script) -> Iterator[str]:
    """What CREATE INDEX takes away: a unique one refuses rows."""
    table = name_of(statement.relation)
    columns = {str(each.name) for each in statement.indexParams or ()}
    if statement.unique and table not in script.made and not _all_new(table, columns, script):
        yield f"demands uniqueness ({statement.idxname or 'unnamed'}) on {table}"


def _alteration(table: str, command: Any, script: Script) -> str:
    kind = AlterTableType(command.subtype)
    column = (table, str(command.name))
    if kind is AlterTableType.AT_AddColumn:
        return _added(table, command.def_)
    if kind is AlterTableType.AT_AddConstraint:
        return _demanded(table, command.def_, script)
    if kind is AlterTableType.AT_SetNotNull:
        filled = column in script.columns and column in script.filled
        return "" if filled else f"demands NOT NULL of {command.name} of {table}"
    if kind in _OF_COLUMNS and column not in script.columns:
        return _OF_COLUMNS[kind].format(command.name, table)
    if kind is AlterTableType.AT_ColumnDefault and command.def_ is None and column not in script.columns:
        return f"drops the default of {command.name} of {table}"
    return _OF_TABLES.get(kind, "").format(command.name, table)


def _added(table: str, column: Any) -> str:
    """A column that takes no NULL and does not fill itself in must be named by every insert."""
    needed = any(each.contype in _NO_NULL for each in column.constraints or ())
    if not needed or fills_itself(column):
        return ""
    return f"adds the column {column.colname}, NOT NULL without a default, to {table}"


def _demanded(table: str, constraint: Any, script: Script) -> str:
    demand = _DEMANDS.get(constraint.contype)
    if demand is None:
        return ""
    nulls_do = constraint.contype not in _NO_NULL
    if nulls_do and _all_new(table, _columns(constraint), script):
        return ""
    return f"demands {demand} ({constraint.conname or 'unnamed'}) of rows of {table}"


def _columns(constraint: Any) -> set[str]:
    """The columns that a constraint looks at."""
    named = (*(constraint.fk_attrs or ()), *(constraint.keys or ()))
    return {name_of(each) for each in named} | _Columns.of(constraint.raw_expr)


def _all_new(table: str, columns: set[str], script: Script) -> bool:
    """Whether former code writes none of these columns: they were added by the script itself."""
    return bool(columns) and all((table, column) in script.columns for column in columns)


class _Columns(Visitor):
    """Collects the columns that an expression names."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    @classmethod
    def of(cls, expression: Any) -> set[str]:
        visitor = cls()
        if expression is not None:
            visitor(expression)
        return visitor.found

    def visit_ColumnRef(self, ancestors: Any, node: ast.ColumnRef) -> None:
        self.found.add(name_of(node.fields))
