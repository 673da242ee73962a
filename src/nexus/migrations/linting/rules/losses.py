"""Data that is gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast
from pglast.enums import AlterTableType

from nexus.migrations.effects.effect import Table, TableFacts
from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rewrites.sql import as_contract, backfill, told
from nexus.migrations.linting.said import Bytes, Rows, Said, said


def judge(case: Case, known: Known) -> Iterator[Hit]:
    """data-loss: of a table that holds rows, or of which nobody knows."""
    if isinstance(case.tree, ast.DeleteStmt) and case.tree.whereClause is not None:
        return
    if isinstance(case.tree, (ast.InsertStmt, ast.UpdateStmt, ast.MergeStmt)):
        return
    for effect in case.effects:
        if not effect.destroys or not effect.known:
            continue
        facts = known.living.tables.get(effect.table) if known.living else None
        if known.living is not None and (facts is None or not facts.nonempty):
            continue
        contract = case.file.declared.phase == "contract"
        yield Hit(
            "data-loss",
            case,
            _sentence(case, effect.table),
            "" if contract else as_contract(_told(case), case.file.module),
            "note" if contract else "warning",
            _size(effect.table, facts) if facts else None,
        )


def _sentence(case: Case, table: Table) -> Said:
    if case.kind is AlterTableType.AT_DropColumn:
        text = "the column {column} of {table} is dropped: the data is nowhere else"
        return said(text, column=case.command.name, table=table)
    if isinstance(case.tree, (ast.TruncateStmt, ast.DeleteStmt)):
        return said("{table} loses all its rows: the data is nowhere else", table=table)
    return said("{table} is dropped: the data is nowhere else", table=table)


def _size(table: Table, facts: TableFacts) -> Said:
    return said("{table}: {rows}, {size}", table=table, rows=Rows(facts.rows), size=Bytes(facts.bytes))


def _told(case: Case) -> str:
    sql = told(case.tree)
    return backfill(sql) if isinstance(case.tree, ast.DeleteStmt) else sql
