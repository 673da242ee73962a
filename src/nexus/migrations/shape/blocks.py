"""The statements of a DO block, where it holds nothing but statements that define."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_plpgsql, parse_sql
from pglast.parser import ParseError

_ONLY = frozenset({"PLpgSQL_stmt_block", "PLpgSQL_stmt_execsql", "PLpgSQL_stmt_return"})


def inside(sql: str, tree: ast.DoStmt) -> tuple[tuple[tuple[Any, str], ...], str]:
    """The parse trees of its statements with their SQL, and what else it does ("" = nothing), which is known
    only when it has run.
    """
    language = next((str(each.arg.sval) for each in tree.args or () if each.defname == "language"), "plpgsql")
    if language != "plpgsql":
        return (), f"is written in {language}"
    try:
        told = list(_nodes(parse_plpgsql(sql)))
        texts = [node["sqlstmt"]["PLpgSQL_expr"]["query"] for kind, node in told if kind.endswith("_execsql")]
        trees = tuple((parse_sql(each)[0].stmt, str(each)) for each in texts)
    except (ParseError, json.JSONDecodeError, KeyError) as error:
        return (), f"that cannot be read ({error})"
    for kind, node in told:
        if kind.startswith("PLpgSQL_stmt_") and kind not in _ONLY:
            return trees, f"with {kind.removeprefix('PLpgSQL_stmt_').replace('dyn', '').upper()}"
        if kind == "PLpgSQL_var" and "default_val" in node:
            return trees, f"that computes {node.get('refname', 'a variable')}"
    return trees, ""


def _nodes(told: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(told, list):
        for each in told:
            yield from _nodes(each)
    elif isinstance(told, dict):
        for kind, node in told.items():
            yield kind, node
            yield from _nodes(node)
