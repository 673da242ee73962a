"""What the statements before have proved of tables: checks that hold, columns without nulls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType as Kind
from pglast.enums import ConstrType
from pglast.stream import RawStream

from nexus.migrations.effects.effect import Living, Table
from nexus.migrations.naming import name_of, table_of
from nexus.migrations.shape.quoting import name as quoted

Pending = dict[tuple[Table, str], str]  # table and constraint → its text, not validated yet


def proved(tree: Any, schema: str, living: Living, pending: Pending) -> Living:
    """The living database as it is known to be after a statement. `pending`: checks not valid yet."""
    if not isinstance(tree, ast.AlterTableStmt):
        return living
    _, own, name = table_of(tree.relation)
    table = Table(own or schema, name)
    for command in tree.cmds or ():
        living = _after(command, table, living, pending)
    return living


def _after(command: Any, table: Table, living: Living, pending: Pending) -> Living:
    kind, name = Kind(command.subtype), str(command.name or "")
    if kind is Kind.AT_AddConstraint:
        told = command.def_
        if told.contype == ConstrType.CONSTR_CHECK:
            text = f"CHECK ({RawStream()(told.raw_expr)})"
            if not told.skip_validation:
                return _checked(living, table, text)
            pending[table, str(told.conname or "")] = text
        elif told.contype == ConstrType.CONSTR_NOTNULL:
            column = name_of(told.keys)
            if not told.skip_validation:
                return _filled(living, table, column)
            pending[table, str(told.conname or "")] = _present(column)
    elif kind is Kind.AT_ValidateConstraint and (table, name) in pending:
        return _checked(living, table, pending[table, name])
    elif kind is Kind.AT_SetNotNull:
        return _filled(living, table, name)
    elif kind is Kind.AT_DropNotNull:
        return _filled(living, table, name, holds=False)
    return living


def _present(column: str) -> str:
    return f"CHECK ({quoted(column)} IS NOT NULL)"


def _checked(living: Living, table: Table, text: str) -> Living:
    texts = (*living.validated_checks.get(table, ()), text)
    return replace(living, validated_checks={**living.validated_checks, table: texts})


def _filled(living: Living, table: Table, column: str, *, holds: bool = True) -> Living:
    """A column without nulls; of a table that is not known it is a check."""
    facts = living.tables.get(table)
    if facts is None:
        return _checked(living, table, _present(column)) if holds else living
    not_null = facts.not_null | {column} if holds else facts.not_null - {column}
    return replace(living, tables={**living.tables, table: replace(facts, not_null=not_null)})
