"""What a migration has made so far, while its statements are read one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ObjectType

from nexus.migrations.column import Column, altered, read_column
from nexus.migrations.naming import Key, function_of, key_of, table_of

ColumnKey = tuple[Key, str]


@dataclass
class Script:
    """`made`: what it made for sure; what IF NOT EXISTS may have found there is not its own. `columns`: those
    it added to tables that were there. `plain`: indexes that are known to leave rows as they are.
    """

    plain: frozenset[str] = frozenset()
    made: set[Key] = field(default_factory=set)
    columns: dict[ColumnKey, Column] = field(default_factory=dict)

    def owns(self, key: Key) -> bool:
        """Whether the script made an object itself, or the schema that it is in."""
        among, schema, name = key
        if schema and ("schema", "", schema) in self.made:
            return True
        if among == "function" and "(" not in name:  # told without arguments: there is but one of its name
            return any(each[:2] == key[:2] and each[2].startswith(f"{name}(") for each in self.made)
        return key in self.made

    def take(self, statement: Any) -> None:
        """Remember what a statement makes."""
        self.made.update(_made(statement))
        if isinstance(statement, ast.VariableSetStmt) and statement.name == "search_path":
            self.made = {key for key in self.made if key[1] or key[0] == "schema"}
            self.columns = {key: column for key, column in self.columns.items() if key[0][1]}

    def alter(self, table: Key, command: Any) -> None:
        """Remember what a command of ALTER TABLE does to a column."""
        kind = AlterTableType(command.subtype)
        if kind is AlterTableType.AT_AddColumn:
            if not command.missing_ok:
                self.columns[table, command.def_.colname] = read_column(command.def_)
            return
        known = self.columns.get((table, str(command.name)))
        if known is None:
            return
        if kind is AlterTableType.AT_DropColumn:
            del self.columns[table, command.name]
        else:
            self.columns[table, command.name] = altered(known, command)


def _made(statement: Any) -> Iterator[Key]:
    match statement:
        case ast.CreateStmt(if_not_exists=False):
            yield table_of(statement.relation)
        case ast.CreateTableAsStmt(if_not_exists=False):
            if statement.into:
                yield table_of(statement.into.rel)
        case ast.ViewStmt(replace=False):
            yield table_of(statement.view)
        case ast.CreateSeqStmt(if_not_exists=False):
            yield table_of(statement.sequence)
        case ast.IndexStmt(if_not_exists=False):
            if statement.idxname:
                yield (*table_of(statement.relation)[:2], str(statement.idxname))
        case ast.CreateFunctionStmt(replace=False):
            yield function_of(statement)
        case ast.CreateEnumStmt() | ast.CreateRangeStmt():
            yield key_of(ObjectType.OBJECT_TYPE, statement.typeName)
        case ast.CompositeTypeStmt():
            yield key_of(ObjectType.OBJECT_TYPE, statement.typevar)
        case ast.CreateDomainStmt():
            yield key_of(ObjectType.OBJECT_TYPE, statement.domainname)
        case ast.CreateSchemaStmt(if_not_exists=False):
            yield "schema", "", str(statement.schemaname)
