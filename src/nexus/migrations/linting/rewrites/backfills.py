"""Many rows written some at a time, so that nobody waits for all of them."""

from __future__ import annotations

from typing import Any

from pglast import ast
from pglast.visitors import Visitor

from nexus.migrations.linting.rewrites.sql import backfill, told
from nexus.migrations.naming import name_of
from nexus.migrations.shape.quoting import name


def batched(tree: Any, sql: str) -> str:
    """The statement in batches. An UPDATE of all rows leaves out those that are done: it can be carried on
    after a failure whatever keys the table has.
    """
    if not isinstance(tree, ast.UpdateStmt) or tree.whereClause is not None or tree.fromClause:
        return backfill(sql)
    names = {str(each.name) for each in tree.targetList or ()}
    found = _Read()
    for each in tree.targetList or ():
        found(each.val)
    if found.calls or found.columns & names or tree.returningClause or tree.withClause:
        return backfill(sql)
    undone = [f"{name(str(each.name))} IS DISTINCT FROM {told(each.val)}" for each in tree.targetList or ()]
    return backfill(f"{told(tree)} WHERE {' OR '.join(undone)}")


class _Read(Visitor):
    def __init__(self) -> None:
        self.columns: set[str] = set()
        self.calls = False

    def visit_ColumnRef(self, ancestors: Any, node: Any) -> None:
        self.columns.add(name_of(node.fields[-1:]))

    def visit_FuncCall(self, ancestors: Any, node: Any) -> None:
        self.calls = True

    def visit_SubLink(self, ancestors: Any, node: Any) -> None:
        self.calls = True

    def visit_SetToDefault(self, ancestors: Any, node: Any) -> None:
        self.calls = True

    def visit_MultiAssignRef(self, ancestors: Any, node: Any) -> None:
        self.calls = True
