"""What writes a whole table anew, or looks at all of it: types, defaults, storage."""

from __future__ import annotations

from collections.abc import Iterator

from pglast.enums import AlterTableType as Kind

from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rewrites import columns
from nexus.migrations.linting.rewrites.table import rewrite


def judge(case: Case, known: Known) -> Iterator[Hit]:
    """type-change-rewrites, added-column-rewrites, table-rewrites."""
    work = {each.work for each in case.effects}
    if case.command is None or not work & {"rewrite", "scan"}:
        return
    why = next((each.why for each in case.effects if each.work in ("rewrite", "scan")), "")
    if case.kind is Kind.AT_AlterColumnType:
        yield Hit(
            "type-change-rewrites",
            case,
            f"{why} while nobody may read or write {case.table}",
            rewrite("changing-column-type", case, known),
        )
    elif "rewrite" not in work:
        return
    elif case.kind is Kind.AT_AddColumn:
        yield Hit(
            "added-column-rewrites",
            case,
            f"{why}: {case.table} is written anew while nobody may read or write it",
            columns.filled(case.tree, case.command.def_),
        )
    else:
        yield Hit("table-rewrites", case, f"{why} while nobody may read or write {case.table}")
