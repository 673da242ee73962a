"""Where a statement deletes rows, however deep in it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pglast import ast
from pglast.enums import CmdType
from pglast.visitors import Skip, Visitor

# In code: DELETE and TRUNCATE as commands, not as rights that are granted or events of a trigger.
COMMANDS = r"delete\s+from|then\s+delete|truncate\s+(?!on\b|or\b)"
DESTROYING = re.compile(
    rf"\b(?:{COMMANDS}|drop\s+(?:table|column|schema|materialized|foreign|owned|type|domain))", re.IGNORECASE
)


class Deletion(NamedTuple):
    """`relation`: RangeVar. `every`: all its rows go. `merge`: those that a MERGE finds."""

    relation: Any
    every: bool
    merge: bool = False


def deletions(statement: Any) -> tuple[Deletion, ...]:
    """All of them in a statement, those of a WITH too."""
    found = _Deletions()
    found(statement)
    return tuple(found.told)


def merges_away(statement: ast.MergeStmt) -> bool:
    """Whether a MERGE deletes rows."""
    return any(each.commandType == CmdType.CMD_DELETE for each in statement.mergeWhenClauses or ())


class _Deletions(Visitor):
    def __init__(self) -> None:
        self.told: list[Deletion] = []

    def visit_DeleteStmt(self, ancestors: Any, node: ast.DeleteStmt) -> None:
        self.told.append(Deletion(node.relation, _always(node.whereClause)))

    def visit_MergeStmt(self, ancestors: Any, node: ast.MergeStmt) -> None:
        if merges_away(node):
            self.told.append(Deletion(node.relation, False, merge=True))

    def visit_SelectStmt(self, ancestors: Any, node: ast.SelectStmt) -> Any:
        return Skip if node.valuesLists and not node.withClause else None  # may be very long


def _always(where: Any) -> bool:
    """Whether a condition names no column, as WHERE true."""
    if where is None:
        return True
    if isinstance(where, ast.A_Const) and getattr(where.val, "boolval", None) is False:
        return False
    found = _Columns()
    found(where)
    return not found.some


class _Columns(Visitor):
    some = False

    def visit_ColumnRef(self, ancestors: Any, node: ast.ColumnRef) -> None:
        self.some = True
