"""The text of a statement for some of its rows: a condition is put beside its own.

The author's text is kept as it is, comments and all. PostgreSQL's parser then proves that nothing else has
changed.
"""

from __future__ import annotations

import copy
from typing import Any, Literal

from pglast import ast, parse_sql
from pglast.enums import BoolExprType
from pglast.parser import ParseError, scan

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.statements import Statement

Kind = Literal["UPDATE", "DELETE", "INSERT"]
COUNTED = "WITH nexus_batch AS ("  # what stands before the author's text where its rows are counted
_ENDS = {"RETURNING", "FOR", "ASCII_59"}
_COMMENTS = {"SQL_COMMENT", "C_COMMENT"}
_NAMING = {"ASCII_46", "AS"}  # what follows is a name, even if it is a word of SQL: a.where, AS returning
_DEPTH = {"ASCII_40": 1, "ASCII_91": 1, "ASCII_41": -1, "ASCII_93": -1}


def span(sql: str, kind: Kind) -> tuple[int, int] | None:
    """Where a statement's own condition begins and ends; it begins at -1 where there is none, which would
    then stand at the end. None: an INSERT whose SELECT is not found.
    """
    depth, begin, end, before, selects = 0, -1, 0, "", kind != "INSERT"
    tokens = [each for each in scan(sql) if each.name not in _COMMENTS]
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        named = before in _NAMING and token.kind != "NO_KEYWORD"
        name, before = "IDENT" if named else token.name, token.name
        depth += _DEPTH.get(name, 0)
        if depth == 0:
            conflict = name == "ON" and following is not None and following.name == "CONFLICT"
            if name in _ENDS or conflict:
                break
            selects = selects or name == "SELECT"
            if name == "WHERE" and selects and begin < 0:
                begin = token.end + 1
        end = token.end + 1
    return (begin, end) if selects else None


def narrowed(statement: Statement, kind: Kind, condition: str, again: bool = False) -> str:
    """The statement for the rows for which `condition` holds as well; see `Batched.within`.

    Raises:
        MigrationUnreadable: the text cannot be changed with certainty.
    """
    sql = statement.sql
    begin, end = span(sql, kind) or (-1, len(sql))
    own = sql[begin:end] if begin >= 0 else ""
    text = f"{sql[:begin]} ({own}\n) AND ({condition})" if own else f"{sql[:end]}\nWHERE {condition}"
    if not again:
        text += f"\n{sql[end:].rstrip().removesuffix(';')}"
    _prove(statement, kind, text, condition)
    if not again:
        return text
    return (
        f"{COUNTED}{text}\nRETURNING ({own}\n) IS TRUE AS again\n) "
        "SELECT count(*) AS rows, count(*) FILTER (WHERE again) AS again FROM nexus_batch"
    )


def _prove(statement: Statement, kind: Kind, text: str, condition: str) -> None:
    """Parse the new text, and hold it against the tree with the condition put into it."""
    want = copy.deepcopy(statement.tree)
    query = want.selectStmt if kind == "INSERT" else want
    added: Any = parse_sql(f"SELECT WHERE {condition}")[0].stmt
    query.whereClause = _both(query.whereClause, added.whereClause)
    try:
        same = [each.stmt for each in parse_sql(text)] == [want]
    except ParseError:
        same = False
    if not same:
        raise MigrationUnreadable(
            f"{statement.place}:{statement.line}: cannot tell where its condition stands; put it in "
            "parentheses, or carry the statement out at once without batch=…"
        )


def _both(own: Any, added: Any) -> Any:
    """As PostgreSQL's parser reads `(own) AND (added)`."""
    if own is None:
        return added
    flat = isinstance(own, ast.BoolExpr) and own.boolop == BoolExprType.AND_EXPR
    first: tuple[Any, ...] = tuple(own.args or ()) if flat else (own,)
    return ast.BoolExpr(boolop=BoolExprType.AND_EXPR, args=(*first, added))
