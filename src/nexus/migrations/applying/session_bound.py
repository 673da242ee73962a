"""Statements that make what ends with the session: a script that goes on in another session has lost it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pglast import ast
from pglast.enums import OnCommitAction

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.statements import Statement

_PERHAPS = re.compile(r"(?:create|prepare|listen|declare|select|with)\b", re.IGNORECASE)
_WORDS = re.compile(r"\b(?:temp|temporary|pg_temp)\b|\A(?:prepare|listen|declare)\b", re.IGNORECASE)
_HOLD = 0x0020  # CURSOR_OPT_HOLD


def check_outlives(script: Iterable[Statement]) -> None:
    """Refuse what a script that is not one transaction makes for its session: killed half-way, it goes on in
    another one, behind the statements that are done.

    Raises:
        MigrationUnreadable: names the first one.
    """
    for each in script:
        if _PERHAPS.match(each.sql) and _WORDS.search(each.sql) and (what := _made(each.tree)):
            raise MigrationUnreadable(
                f"{each.place}:{each.line}: {each.head}: {what} ends with the session, and this script is "
                "not one transaction: killed half-way it goes on in another session. Make a table of the "
                "schema and drop it at the end, or put what needs it into one transaction"
            )


def _made(tree: Any) -> str:
    match tree:
        case (
            ast.CreateStmt(relation=table, oncommit=end)
            | ast.CreateTableAsStmt(into=ast.IntoClause(rel=table, onCommit=end))
        ):
            return _temporary(table, end)
        case ast.ViewStmt(view=table) | ast.CreateSeqStmt(sequence=table):
            return _temporary(table)
        case ast.SelectStmt(intoClause=ast.IntoClause(rel=table, onCommit=end)):
            return _temporary(table, end)
        case ast.PrepareStmt():
            return "a prepared statement"
        case ast.ListenStmt():
            return "LISTEN"
        case ast.DeclareCursorStmt(options=options) if int(options or 0) & _HOLD:
            return "a cursor WITH HOLD"
    return ""


def _temporary(table: Any, end: Any = OnCommitAction.ONCOMMIT_NOOP) -> str:
    is_one = table.relpersistence == "t" or table.schemaname == "pg_temp"
    return "what is temporary" if is_one and end != OnCommitAction.ONCOMMIT_DROP else ""
