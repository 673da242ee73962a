"""Whether a script changes only what a shape tells of its schema: of the rest no inverse is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, DropBehavior, ObjectType
from pglast.visitors import Visitor

from nexus.migrations.migration import Migration
from nexus.migrations.narrowing import narrows
from nexus.migrations.script import Script
from nexus.migrations.shape.blocks import inside
from nexus.migrations.shape.calls import calls
from nexus.migrations.shape.covered import uncovered
from nexus.migrations.shape.losses import RESTORE
from nexus.migrations.statements import statements

ROWS = "what it did to rows cannot be taken back by itself"
_SHOWN = "that it is undone could not be shown"
_WRITES = {
    ast.InsertStmt: "INSERT",
    ast.UpdateStmt: "UPDATE",
    ast.DeleteStmt: "DELETE",
    ast.MergeStmt: "MERGE",
    ast.TruncateStmt: "TRUNCATE",
    ast.CopyStmt: "COPY",
}
# What they take from former code, the shape brings back whole.
_REVERSIBLE = (
    ast.AlterTableStmt, ast.DropStmt, ast.CreateTrigStmt, ast.IndexStmt, ast.RuleStmt, ast.CreatePolicyStmt,
    ast.RenameStmt, ast.AlterObjectSchemaStmt, ast.AlterDomainStmt, ast.GrantStmt,
)  # fmt: skip
_GONE = frozenset({AlterTableType.AT_DropColumn, AlterTableType.AT_DropIdentity})
_HOLDS = frozenset({ObjectType.OBJECT_TABLE, ObjectType.OBJECT_SEQUENCE, ObjectType.OBJECT_SCHEMA})


def unprovable(migration: Migration, known: frozenset[str]) -> Iterator[str]:
    """Why a script cannot be shown to change nothing but shapes, whatever it declares, as sentences that name
    the line. `known`: functions that change nothing.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses a statement.
    """
    judge = _Judge(known, Script())
    for each in statements(migration):
        if each.tree is None:
            yield f"{migration.place}:{each.line}: it is too large to be looked at; {ROWS}"
            continue
        for what in judge.reasons(each.tree, each.sql):
            yield f"{migration.place}:{each.line}: {what}"


@dataclass
class _Judge:
    known: frozenset[str]
    script: Script

    def reasons(self, tree: Any, sql: str = "") -> Iterator[str]:
        if isinstance(tree, ast.DoStmt):
            trees, rest = inside(sql, tree)
            for each, text in trees:
                yield from (f"a DO block with {what}" for what in self.reasons(each, text))
            if rest:
                yield f"a DO block {rest}; {ROWS}"
            return
        taken = narrows(tree, self.script)
        if taken and _for_good(tree):
            yield f"it {'; '.join(taken)}, and what was there cannot be brought back by itself; {RESTORE}"
            return
        if isinstance(tree, ast.CallStmt):
            yield f"it calls a procedure; {ROWS}"
            return
        if isinstance(tree, ast.AlterEnumStmt) and not tree.oldVal:
            yield f"it adds the value {tree.newVal} to a type, and PostgreSQL cannot take a value away"
        writes = _written(tree)
        if writes:
            yield f"{', '.join(writes)}; {ROWS}"
        elif unknown := uncovered(tree):
            yield f"{unknown}; {_SHOWN}"
        for called in calls(tree, self.known):
            yield f"it calls {called}, which may do anything; {ROWS}"


def _for_good(tree: Any) -> bool:
    """Whether rows or values go with it, which no statement brings back."""
    if type(tree) in _WRITES:
        return False  # told as such
    if not isinstance(tree, _REVERSIBLE):
        return True
    if isinstance(tree, ast.DropStmt):
        return tree.removeType in _HOLDS or tree.behavior == DropBehavior.DROP_CASCADE
    if isinstance(tree, ast.AlterTableStmt):
        return any(
            each.subtype in _GONE
            or each.behavior == DropBehavior.DROP_CASCADE
            or (each.subtype == AlterTableType.AT_AlterColumnType and each.def_.raw_default is not None)
            for each in tree.cmds or ()
        )
    return False


def _written(tree: Any) -> list[str]:
    if isinstance(tree, ast.CreateFunctionStmt | ast.RuleStmt):
        return []
    seen = _Writes()
    seen(tree)
    return sorted(seen.found)


class _Writes(Visitor):
    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit(self, ancestors: Any, node: Any) -> None:
        if word := _WRITES.get(type(node)):
            self.found.add(f"{word} of rows")
