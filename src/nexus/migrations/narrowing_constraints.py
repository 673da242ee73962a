"""What a constraint demands that the code before it does not know of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pglast import ast
from pglast.enums import ConstrType, NullTestType
from pglast.visitors import Visitor

from nexus.migrations.column import Column
from nexus.migrations.naming import Key, name_of
from nexus.migrations.script import ColumnKey

_DEMANDS = {
    ConstrType.CONSTR_CHECK: "a check",
    ConstrType.CONSTR_PRIMARY: "a primary key",
    ConstrType.CONSTR_UNIQUE: "uniqueness",
    ConstrType.CONSTR_EXCLUSION: "an exclusion",
    ConstrType.CONSTR_FOREIGN: "a foreign key",
    ConstrType.CONSTR_NOTNULL: "NOT NULL",
}
_INLINE = frozenset({ConstrType.CONSTR_CHECK, ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE})
Columns = Mapping[ColumnKey, Column]


def demanded(table: Key, constraint: Any, own: Columns) -> str:
    """What ADD CONSTRAINT demands; "" when former code meets it without knowing. `own`: the columns that the
    script added.
    """
    expression = _Read.of(constraint.raw_expr)
    named = (*(constraint.fk_attrs or ()), *(constraint.keys or ()))
    columns = {name_of(each) for each in named} | expression.columns
    return _demanded(table, constraint, columns, expression.not_null, own)


def demanded_of(table: Key, column: str, constraint: Any, own: Columns) -> str:
    """The same for a constraint that ADD COLUMN tells along with the column."""
    if constraint.contype not in _INLINE:
        return ""
    expression = _Read.of(constraint.raw_expr)
    return _demanded(table, constraint, {column} | expression.columns, expression.not_null, own)


def may_repeat(table: Key, columns: set[str], nulls_repeat: bool, own: Columns) -> bool:
    """Whether rows of former code can be the same in these columns; NULLs are not, unless `nulls_repeat`."""
    mine = [own.get((table, column)) for column in columns]
    if not mine or None in mine:
        return True
    free = any(each and (each.distinct or not (each.filled or nulls_repeat)) for each in mine)
    return not free


def _demanded(table: Key, constraint: Any, columns: set[str], not_null: bool, own: Columns) -> str:
    demand = _DEMANDS.get(constraint.contype)
    if demand is None or _met(table, constraint, columns, not_null, own):
        return ""
    return f"demands {demand} ({constraint.conname or 'unnamed'}) of rows of {table[2]}"


def _met(table: Key, constraint: Any, columns: set[str], not_null: bool, own: Columns) -> bool:
    """Former code writes none of the script's own columns: there are NULLs in them, or what fills them in."""
    mine = [own.get((table, column)) for column in columns]
    if not mine or None in mine:
        return False
    kind = constraint.contype
    filled = all(each and each.filled for each in mine)
    if kind == ConstrType.CONSTR_UNIQUE:
        return not may_repeat(table, columns, bool(constraint.nulls_not_distinct), own)
    if kind == ConstrType.CONSTR_PRIMARY:
        return filled and not may_repeat(table, columns, True, own)
    return filled if kind == ConstrType.CONSTR_NOTNULL or not_null else True


class _Read(Visitor):
    """The columns that an expression names, and whether it asks that something is not NULL."""

    def __init__(self) -> None:
        self.columns: set[str] = set()
        self.not_null = False

    @classmethod
    def of(cls, expression: Any) -> _Read:
        visitor = cls()
        if expression is not None:
            visitor(expression)
        return visitor

    def visit_ColumnRef(self, ancestors: Any, node: ast.ColumnRef) -> None:
        self.columns.add(name_of(node.fields))

    def visit_NullTest(self, ancestors: Any, node: ast.NullTest) -> None:
        self.not_null |= node.nulltesttype == NullTestType.IS_NOT_NULL
