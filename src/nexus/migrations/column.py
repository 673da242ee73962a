"""A column that a migration adds to a table that was there: what inserts that do not name it put into it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ConstrType

from nexus.migrations.naming import name_of

_DISTINCT = frozenset(
    {"nextval", "gen_random_uuid", "uuidv4", "uuidv7", "uuid_generate_v1", "uuid_generate_v4"}
)


@dataclass(frozen=True)
class Column:
    """`required`: it takes no NULL. `filled`: it fills itself in, `distinct`: each time differently."""

    required: bool = False
    filled: bool = False
    distinct: bool = False


def read_column(told: ast.ColumnDef) -> Column:
    """The column as ADD COLUMN tells it."""
    constraints = {each.contype: each for each in told.constraints or ()}
    counted = name_of(told.typeName).endswith("serial") or ConstrType.CONSTR_IDENTITY in constraints
    default = constraints.get(ConstrType.CONSTR_DEFAULT)
    filled, distinct = _default(default.raw_expr if default else None)
    return Column(
        counted or ConstrType.CONSTR_NOTNULL in constraints or ConstrType.CONSTR_PRIMARY in constraints,
        counted or filled or ConstrType.CONSTR_GENERATED in constraints,
        counted or distinct,
    )


def altered(column: Column, command: Any) -> Column:
    """The column after a command of ALTER TABLE."""
    kind = AlterTableType(command.subtype)
    if kind is AlterTableType.AT_ColumnDefault:
        filled, distinct = _default(command.def_)
        return replace(column, filled=filled, distinct=distinct)
    if kind in (AlterTableType.AT_DropIdentity, AlterTableType.AT_DropExpression):
        return replace(column, filled=False, distinct=False)
    if kind is AlterTableType.AT_AddIdentity:
        return Column(required=True, filled=True, distinct=True)
    if kind in (AlterTableType.AT_SetNotNull, AlterTableType.AT_DropNotNull):
        return replace(column, required=kind is AlterTableType.AT_SetNotNull)
    return column


def no_value(expression: Any) -> bool:
    """Whether a default is none: dropped, or NULL."""
    value = _bare(expression)
    return value is None or (isinstance(value, ast.A_Const) and bool(value.isnull))


def _default(expression: Any) -> tuple[bool, bool]:
    value = _bare(expression)
    return not no_value(value), isinstance(value, ast.FuncCall) and name_of(value.funcname) in _DISTINCT


def _bare(expression: Any) -> Any:
    """An expression without its casts."""
    while isinstance(expression, ast.TypeCast):
        expression = expression.arg
    return expression
