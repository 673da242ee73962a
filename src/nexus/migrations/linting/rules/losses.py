"""Data that is gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast

from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rewrites.sql import as_contract, backfill, told
from nexus.migrations.planning.sizes import rows, size


def judge(case: Case, known: Known) -> Iterator[Hit]:
    """data-loss: of a table that holds rows, or of which nobody knows."""
    if isinstance(case.tree, ast.DeleteStmt) and case.tree.whereClause is not None:
        return
    if isinstance(case.tree, (ast.InsertStmt, ast.UpdateStmt, ast.MergeStmt)):
        return
    for effect in case.effects:
        if not effect.destroys:
            continue
        facts = known.living.tables.get(effect.table) if known.living else None
        if known.living is not None and (facts is None or not facts.nonempty):
            continue
        contract = case.file.declared.phase == "contract"
        yield Hit(
            "data-loss",
            case,
            f"{effect.table} {effect.why}: the data is nowhere else",
            "" if contract else as_contract(_told(case), case.file.module),
            "note" if contract else "warning",
            f"{effect.table}: {rows(facts.rows)}, {size(facts.bytes)}" if facts else "",
        )


def _told(case: Case) -> str:
    sql = told(case.tree)
    return backfill(sql) if isinstance(case.tree, ast.DeleteStmt) else sql
