"""The CHECK that proves a partition's bounds before it is attached."""

from __future__ import annotations

from typing import Any

from pglast.enums import PartitionRangeDatumKind

from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Known
from nexus.migrations.linting.rewrites.sql import told
from nexus.migrations.shape.quoting import name


def bounds(case: Case, known: Known, key: str = "") -> str:
    """The condition that all rows of the partition fulfil; "" where it is not known from the statement.

    `key`: the column that the table is partitioned by; it is guessed only where the partition has one column.
    """
    told_bound = case.command.def_.bound
    columns = known.columns(case.table)
    column = key or (next(iter(columns)) if len(columns) == 1 else "")
    if not column or told_bound is None or told_bound.is_default:
        return ""
    if told_bound.listdatums:
        return f"{name(column)} IS NOT NULL AND {name(column)} IN ({told(told_bound.listdatums)})"
    if len(told_bound.lowerdatums or ()) == 1:
        parts = [f"{name(column)} IS NOT NULL"]
        parts += _side(column, ">=", told_bound.lowerdatums[0])
        parts += _side(column, "<", told_bound.upperdatums[0])
        return " AND ".join(parts)
    return ""


def _side(column: str, sign: str, datum: Any) -> list[str]:
    if datum.kind != PartitionRangeDatumKind.PARTITION_RANGE_DATUM_VALUE:
        return []
    return [f"{name(column)} {sign} {told(datum.value)}"]
