"""Many rows written at once: locks and bloat for as long as it takes, and all of it again after a failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pglast import ast

from nexus.migrations.applying.backfill_statement import batched
from nexus.migrations.effects.effect import Effect, LockLevel, TableFacts
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rewrites.sql import backfill

MANY = 100_000  # rows
_WRITES = (ast.UpdateStmt, ast.DeleteStmt, ast.InsertStmt, ast.MergeStmt)


def judge(case: Case, known: Known) -> Iterator[Hit]:
    """backfill-in-one-statement."""
    effect = _written(case, known)
    if effect is None or case.statement.batch is not None:
        return
    sql, hint = case.statement.sql, ""
    try:
        batched(case.statement)
    except MigrationUnreadable as error:
        hint = f"; to batch it: {str(error).rpartition(': ')[2]}"
    yield Hit(
        "backfill-in-one-statement",
        case,
        f"writes many rows of {effect.table} in one transaction, which locks them until its end{hint}",
        "" if hint else backfill(sql),
    )


def beside_definitions(cases: Sequence[Case], known: Known) -> Iterator[Hit]:
    """backfill-in-transaction-with-ddl: a lock that another statement took is held while rows are written."""
    if not cases or not cases[0].file.one:
        return
    locked = ""
    for case in cases:
        effect = _written(case, known)
        if effect is not None and locked:
            batch = backfill(case.statement.sql)
            yield Hit(
                "backfill-in-transaction-with-ddl",
                case,
                f"{locked}, and is held until these rows of {effect.table} are written",
                f"-- in a migration of its own:\n{batch}",
            )
        strong = next((each for each in case.effects if each.lock >= LockLevel.SHARE), None)
        if strong is not None and not isinstance(case.tree, _WRITES):
            locked = f"line {case.statement.line} took {strong.lock.title} on {strong.table}"


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
