"""`--where`: an expression of one table's columns, and nothing that could do something.

Read with PostgreSQL's own parser. Columns, constants, operators, casts, and functions of pg_catalog that
change nothing are let through; queries, parameters and everything else are not. It is run in a transaction
that is read-only, by the table's owner where he sees all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import asyncpg
from pglast import ast, parse_sql
from pglast.parser import ParseError
from pglast.stream import RawStream

from nexus.recovery.errors import MergeRefused
from nexus.recovery.merging.tables import Table
from nexus.stack.errors import suggest

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_ALLOWED = (
    ast.A_Expr,
    ast.A_Const,
    ast.A_ArrayExpr,
    ast.A_Indices,
    ast.A_Indirection,
    ast.BoolExpr,
    ast.BooleanTest,
    ast.CaseExpr,
    ast.CaseWhen,
    ast.CoalesceExpr,
    ast.CollateClause,
    ast.ColumnRef,
    ast.FuncCall,
    ast.MinMaxExpr,
    ast.NullTest,
    ast.RowExpr,
    ast.SQLValueFunction,
    ast.String,
    ast.Integer,
    ast.Float,
    ast.Boolean,
    ast.TypeCast,
    ast.TypeName,
)
_USUAL = ("whereClause", "op", "limitOption")
_VOLATILE = """
SELECT EXISTS (SELECT FROM pg_proc WHERE proname = $1 AND pronamespace = 'pg_catalog'::regnamespace),
    EXISTS (SELECT FROM pg_proc WHERE proname = $1 AND pronamespace = 'pg_catalog'::regnamespace
        AND (provolatile = 'v' OR prokind <> 'f'))
"""


def read_condition(text: str) -> Any:
    """The expression.

    Raises:
        MergeRefused: it is no expression, or holds what could do something.
    """
    try:
        statements = parse_sql(f"SELECT WHERE ({text}\n)")
    except ParseError as error:
        raise MergeRefused(f"--where cannot be read: {error.args[0]}: {text}") from error
    found: Any = statements[0].stmt
    plain = isinstance(found, ast.SelectStmt) and found.whereClause is not None and found.op == 0
    others = [name for name in found if name not in _USUAL and getattr(found, name)]
    if len(statements) != 1 or not plain or others:
        raise MergeRefused(f"--where takes one condition, and no more: {text}")
    for each in _nodes(found.whereClause):
        if not isinstance(each, _ALLOWED):
            kind = "a query" if isinstance(each, ast.SubLink) else type(each).__name__
            raise MergeRefused(
                f"--where takes an expression of the table's own columns; {kind} is not allowed: {text}"
            )
    return found.whereClause


async def checked(connection: Connection, text: str, table: Table) -> str:
    """The condition in SQL. `connection`: of the server that knows the functions.

    Raises:
        MergeRefused: as `read_condition`, or a column or function is not the table's, or does something.
    """
    tree = read_condition(text)
    names = [each.name for each in table.columns]
    for each in _nodes(tree):
        if isinstance(each, ast.FuncCall):
            await _check_function(connection, each, text)
        elif isinstance(each, ast.ColumnRef):
            fields: Any = each.fields
            parts = [str(part.sval) if isinstance(part, ast.String) else "*" for part in fields]
            if parts[-1] not in names or (parts[:-1] not in ([], [table.name])):
                raise MergeRefused(
                    f"--where: {'.'.join(parts)} is no column of {table.name}; {suggest(parts[-1], names)}"
                )
            each.fields = fields[-1:]
    return str(RawStream()(tree))


async def _check_function(connection: Connection, call: Any, text: str) -> None:
    parts = [part.sval for part in call.funcname]
    row = await connection.fetchrow(_VOLATILE, parts[-1]) if parts[:-1] in ([], ["pg_catalog"]) else None
    if row is None or not row[0] or row[1]:
        raise MergeRefused(
            f"--where: {'.'.join(parts)}() is not allowed, only functions of PostgreSQL itself that change "
            f"nothing: {text}"
        )


def _nodes(value: Any) -> Iterator[Any]:
    """A node and all below it."""
    if isinstance(value, tuple | list):
        for each in value:
            yield from _nodes(each)
    elif isinstance(value, ast.Node):
        yield value
        for name in value:
            yield from _nodes(getattr(value, name))
