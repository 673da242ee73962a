"""Whether a migration fits its phase: before a release that needs it, or after one that does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pglast import ast
from pglast.enums import AlterTableType as Kind

from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rewrites.sql import told
from nexus.migrations.linting.rules.reads import reads, taken_by
from nexus.migrations.linting.said import Listed, said

_ADDING = (ast.CreateStmt, ast.IndexStmt, ast.ViewStmt, ast.CreateFunctionStmt, ast.CreateEnumStmt)
_BETWEEN = "takes away (`{head}`), while line {line} adds: no release can be between the two"
_WAITS = "takes away what {who} reads, and waits for no release of it"
_ADDS = (Kind.AT_AddColumn,)


def judge(cases: Sequence[Case], known: Known) -> Iterator[Hit]:
    """mixed-phases, contract-without-release."""
    narrow = [case for case in cases if case.narrows and not isinstance(case.tree, ast.DoStmt)]
    yield from _mixed(cases, narrow)
    if cases and (narrow or cases[0].file.declared.phase == "contract"):
        yield from _without_release(cases, known)


def _mixed(cases: Sequence[Case], narrow: Sequence[Case]) -> Iterator[Hit]:
    """What a release needs must be there before it; what its former needs may go only after it."""
    adding = [case for case in cases if not case.narrows and _adds(case)]
    if not narrow or not adding:
        return
    first, second = adding[0], narrow[0]
    numbers = {case.statement.number for case in narrow}
    takes = [each.sql for each in first.file.statements if each.number in numbers]
    body = ";\n".join(each.rstrip(";") for each in takes)
    yield Hit(
        "mixed-phases",
        second,
        said(_BETWEEN, head=second.statement.head, line=first.statement.line),
        f"-- this migration without it; then a second one:\n-- nexus: phase=contract\n{body};",
        "warning",
    )


def _adds(case: Case) -> bool:
    if isinstance(case.tree, _ADDING):
        return not (getattr(case.tree, "relation", None) is not None and _index_of_new(case))
    return case.kind in _ADDS


def _index_of_new(case: Case) -> bool:
    return isinstance(case.tree, ast.IndexStmt) and case.new


def _without_release(cases: Sequence[Case], known: Known) -> Iterator[Hit]:
    file = cases[0].file
    if file.declared.after or file.source is None:
        return
    for case in cases:
        for taken in taken_by(case):
            found = [each for each in known.readers if taken.table not in case.made and reads(each, taken)]
            others = {each.who for each in found} - {file.module, "stack"}
            if others:
                needs = "\n".join(f"-- nexus: after-release={each}>=1.0.0" for each in sorted(others))
                yield Hit(
                    "contract-without-release",
                    case,
                    said(_WAITS, who=Listed(sorted(others))),
                    f"-- with the first releases that read it no longer:\n-- nexus: phase=contract\n{needs}\n"
                    f"{told(case.tree)};",
                    "error",
                )
