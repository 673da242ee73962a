"""The CHECK that proves a partition's bounds before it is attached."""

from __future__ import annotations

from typing import Any

from pglast import ast

from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Known
from nexus.migrations.linting.rewrites.sql import told
from nexus.migrations.shape.quoting import name


def bounds(case: Case, known: Known) -> str:
    """The condition that all rows of the partition fulfil; "" where nobody knows which column the table is
    partitioned by: only where it has but one column.
    """
    told_bound = case.command.def_.bound
    columns = known.columns(case.table)
    column = next(iter(columns)) if len(columns) == 1 else ""
    if not column or told_bound is None or told_bound.is_default:
        return ""
    own = name(column)
    if told_bound.listdatums:
        return f"{own} IS NOT NULL AND {own} IN ({', '.join(map(told, told_bound.listdatums))})"
    if len(told_bound.lowerdatums or ()) != 1:
        return ""
    sides = (*_side(own, ">=", told_bound.lowerdatums[0]), *_side(own, "<", told_bound.upperdatums[0]))
    return " AND ".join((f"{own} IS NOT NULL", *sides))


def _side(own: str, sign: str, datum: Any) -> tuple[str, ...]:
    """MINVALUE and MAXVALUE, which are parsed like columns, bound nothing."""
    return () if isinstance(datum, ast.ColumnRef) else (f"{own} {sign} {told(datum)}",)
