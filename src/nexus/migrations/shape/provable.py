"""Whether a script changes only the shape of its schema: of what it does to rows no inverse is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pglast import ast
from pglast.visitors import Visitor

from nexus.migrations.migration import Migration
from nexus.migrations.naming import name_of
from nexus.migrations.shape.thing import Shape
from nexus.migrations.statements import Statement, statements

_WRITES = {
    ast.InsertStmt: "INSERT",
    ast.UpdateStmt: "UPDATE",
    ast.DeleteStmt: "DELETE",
    ast.MergeStmt: "MERGE",
    ast.TruncateStmt: "TRUNCATE",
    ast.CopyStmt: "COPY",
}
_DEFINES = (ast.CreateFunctionStmt, ast.RuleStmt)
_WORDS = re.compile(
    r"\b(insert\s+into|update|delete\s+from|merge\s+into|truncate|copy|setval|nextval|lo_\w+)\b",
    re.IGNORECASE,
)
_SETS = frozenset({"setval", "nextval", "pg_notify", "lo_import", "lo_create", "lo_unlink"})


def unprovable(migration: Migration, after: Shape) -> Iterator[str]:
    """Why a script cannot be shown to change nothing but shapes, as sentences that name the line.

    `after`: the shape with it; functions that it calls are looked up there.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses a statement.
    """
    for each in statements(migration):
        for what in _reasons(each, after):
            yield f"{migration.place}:{each.line}: {what}; what it did to rows cannot be taken back by itself"


def _reasons(statement: Statement, after: Shape) -> Iterator[str]:
    tree = statement.tree
    if tree is None:
        yield "it is too large to be looked at"
        return
    if isinstance(tree, ast.DoStmt):
        body = next((str(each.arg.sval) for each in tree.args or () if each.defname == "as"), "")
        if word := _WORDS.search(body):
            yield f"a DO block with {word[0].upper()}"
        return
    if isinstance(tree, ast.AlterEnumStmt) and not tree.oldVal:
        yield f"it adds the value {tree.newVal} to a type, and PostgreSQL cannot take a value away"
    if isinstance(tree, ast.CallStmt):
        yield "it calls a procedure"
        return
    if not isinstance(tree, _DEFINES):
        yield from _written(tree, after)


def _written(tree: Any, after: Shape) -> Iterator[str]:
    seen = _Seen()
    seen(tree)
    yield from sorted(seen.writes)
    if not isinstance(tree, ast.SelectStmt | ast.InsertStmt | ast.UpdateStmt):
        return
    for called in sorted(seen.calls):
        if called in _SETS:
            yield f"it calls {called}"
        for thing in after.things.values():
            if thing.key.kind == "function" and thing.key.name.partition("(")[0] == called:
                body = thing.facts.get("definition", "")
                if word := _WORDS.search(body):
                    yield f"it calls {called}, a function with {word[0].upper()}"


class _Seen(Visitor):
    def __init__(self) -> None:
        self.writes: set[str] = set()
        self.calls: set[str] = set()

    def visit(self, ancestors: Any, node: Any) -> None:
        if word := _WRITES.get(type(node)):
            self.writes.add(f"{word} of rows")

    def visit_FuncCall(self, ancestors: Any, node: ast.FuncCall) -> None:
        self.calls.add(name_of(node.funcname))
