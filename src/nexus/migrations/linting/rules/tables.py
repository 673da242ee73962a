"""What writes a whole table anew, or looks at all of it: types, defaults, storage."""

from __future__ import annotations

from collections.abc import Iterator

from pglast.enums import AlterTableType as Kind

from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rewrites import columns
from nexus.migrations.linting.rewrites.table import rewrite
from nexus.migrations.linting.said import said

_RETYPED = "the new type of {column} writes {table} anew while nobody may read or write it"
_CHECKED = "the new type of {column} scans {table} while nobody may read or write it"
_FILLED = "{column} gets a value in each row: {table} is written anew while nobody may read or write it"
_ANEW = "{table} is written anew while nobody may read or write it"


def judge(case: Case, known: Known) -> Iterator[Hit]:
    """type-change-rewrites, added-column-rewrites, table-rewrites."""
    work = {each.work for each in case.effects}
    if case.command is None or not work & {"rewrite", "scan"}:
        return
    if case.kind is Kind.AT_AlterColumnType:
        yield Hit(
            "type-change-rewrites",
            case,
            said(_RETYPED if "rewrite" in work else _CHECKED, column=case.command.name, table=case.table),
            rewrite("changing-column-type", case, known),
        )
    elif "rewrite" not in work:
        return
    elif case.kind is Kind.AT_AddColumn:
        yield Hit(
            "added-column-rewrites",
            case,
            said(_FILLED, column=case.command.def_.colname, table=case.table),
            columns.filled(case.tree, case.command.def_),
        )
    else:
        yield Hit("table-rewrites", case, said(_ANEW, table=case.table))
