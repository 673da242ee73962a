"""Many rows written at once: locks and bloat for as long as it takes, and all of it again after a failure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pglast import ast

from nexus.migrations.applying.backfill_statement import batched
from nexus.migrations.effects.effect import Effect, LockLevel, TableFacts
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rewrites.backfills import batched as in_batches
from nexus.migrations.linting.said import said

_MANY_ROWS = "writes many rows of {table} in one transaction, which locks them until its end"
_MANY_HOW = f"{_MANY_ROWS}; to batch it: {{how}}"
_HELD = "line {line} took {lock} on {locked}, and is held until these rows of {table} are written"
_WHY = re.compile(r"carried out in batches: (.*?)(?:\. Take |$)", re.DOTALL)
MANY = 100_000  # rows
_WRITES = (ast.UpdateStmt, ast.DeleteStmt, ast.InsertStmt, ast.MergeStmt)


def judge(case: Case, known: Known) -> Iterator[Hit]:
    """backfill-in-one-statement."""
    effect = _written(case, known)
    if effect is None or case.statement.batch is not None:
        return
    hint = _hindrance(case)
    yield Hit(
        "backfill-in-one-statement",
        case,
        said(_MANY_HOW if hint else _MANY_ROWS, table=effect.table, how=hint),
        "" if hint else in_batches(case.tree, case.statement.sql),
    )


def beside_definitions(cases: Sequence[Case], known: Known) -> Iterator[Hit]:
    """backfill-in-transaction-with-ddl: a lock that another statement took is held while rows are written."""
    if not cases or not cases[0].file.one:
        return
    taken: tuple[int, Effect] | None = None
    for case in cases:
        effect = _written(case, known)
        if effect is not None and taken is not None:
            sql = case.statement.sql
            batch = sql if _hindrance(case) else in_batches(case.tree, sql)
            yield Hit(
                "backfill-in-transaction-with-ddl",
                case,
                said(
                    _HELD,
                    line=taken[0],
                    lock=taken[1].lock.title,
                    locked=taken[1].table,
                    table=effect.table,
                ),
                f"-- in a migration of its own:\n{batch}",
            )
        strong = next((each for each in case.effects if each.lock >= LockLevel.SHARE), None)
        if strong is not None and not isinstance(case.tree, _WRITES):
            taken = case.statement.line, strong


def _hindrance(case: Case) -> str:
    """Why a statement cannot be carried out in batches; "" when it can."""
    try:
        batched(case.statement)
    except MigrationUnreadable as error:
        told = _WHY.search(str(error))
        return told[1] if told else str(error)
    return ""


def _written(case: Case, known: Known) -> Effect | None:
    """What a statement writes much of, as far as is known."""
    if not isinstance(case.tree, _WRITES):
        return None
    target = next((each for each in case.effects if each.work == "write"), None)
    if target is None:
        return None
    if known.living is None:
        return target
    sizes = [facts for each in case.effects if each.work and (facts := known.living.tables.get(each.table))]
    return target if any(_many(each) for each in sizes) else None


def _many(facts: TableFacts) -> bool:
    return facts.rows > MANY or (facts.rows < 0 and facts.bytes > MANY * 100)
