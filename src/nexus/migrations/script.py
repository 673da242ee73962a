"""What a migration has made so far, while its statements are read one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ConstrType

FILLED = frozenset({ConstrType.CONSTR_DEFAULT, ConstrType.CONSTR_IDENTITY, ConstrType.CONSTR_GENERATED})


@dataclass
class Script:
    """`made`: tables, views, types, functions, schemas. `columns`: those added to tables that were there, as
    (table, column). `filled`: those of them that fill themselves in.
    """

    made: set[str] = field(default_factory=set)
    columns: set[tuple[str, str]] = field(default_factory=set)
    filled: set[tuple[str, str]] = field(default_factory=set)

    def take(self, statement: Any) -> None:
        """Remember what a statement makes."""
        name = _made(statement)
        if name:
            self.made.add(name)
        if not isinstance(statement, ast.AlterTableStmt) or statement.relation is None:
            return
        for command in statement.cmds or ():
            self._column(str(statement.relation.relname), command)

    def _column(self, table: str, command: Any) -> None:
        if command.subtype == AlterTableType.AT_AddColumn:
            self.columns.add((table, command.def_.colname))
            if fills_itself(command.def_):
                self.filled.add((table, command.def_.colname))
        elif command.subtype == AlterTableType.AT_ColumnDefault and command.def_ is not None:
            self.filled.add((table, command.name))


def fills_itself(column: Any) -> bool:
    """Whether an insert may leave a column out, although it takes no NULL."""
    serial = name_of(column.typeName).endswith("serial")
    return serial or any(each.contype in FILLED for each in column.constraints or ())


def name_of(told: Any) -> str:
    """The name of an object without its schema, in whichever form the parser gives it."""
    if isinstance(told, ast.RangeVar):
        return str(told.relname)
    if isinstance(told, ast.ObjectWithArgs):
        return name_of(told.objname)
    if isinstance(told, ast.TypeName):
        return name_of(told.names)
    if isinstance(told, tuple):
        return name_of(told[-1]) if told else ""
    return str(getattr(told, "sval", told))


def _made(statement: Any) -> str:
    match statement:
        case ast.CreateStmt():
            return name_of(statement.relation)
        case ast.ViewStmt(replace=False):
            return name_of(statement.view)
        case ast.CreateTableAsStmt():
            return name_of(statement.into.rel) if statement.into else ""
        case ast.CreateSeqStmt():
            return name_of(statement.sequence)
        case ast.CreateFunctionStmt(replace=False):
            return name_of(statement.funcname)
        case ast.CreateEnumStmt() | ast.CreateRangeStmt():
            return name_of(statement.typeName)
        case ast.CompositeTypeStmt():
            return name_of(statement.typevar)
        case ast.CreateDomainStmt():
            return name_of(statement.domainname)
        case ast.CreateSchemaStmt():
            return str(statement.schemaname)
    return ""
