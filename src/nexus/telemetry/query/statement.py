"""Which SQL may be asked: one statement that reads the views of telemetry and calls what computes."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import duckdb
import orjson

from nexus.telemetry.query.errors import QueryError

VIEWS = ("logs", "spans", "metrics", "health", "business", "drops", "actions")
_HOW = f"one SELECT, WITH, FROM or DESCRIBE over {', '.join(VIEWS)}"
_READS = re.compile(
    r"^[\s(]*(SELECT|WITH|FROM|DESCRIBE|SUMMARIZE|VALUES|SHOW|PIVOT|UNPIVOT)\b", re.IGNORECASE
)
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_ROWS_OF = frozenset({"range", "generate_series", "unnest", "repeat", "json_each", "json_tree"})
_REACHES_OUT = frozenset({"current_setting", "nextval", "pg_sleep", "setseed", "sleep_ms", "write_log"})


def check(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    """Raises QueryError when the text is anything else than such a statement."""
    try:
        statements = duckdb.extract_statements(text)
        if len(statements) != 1:
            raise QueryError(f"{len(statements)} statements; give {_HOW}")
        if statements[0].type != duckdb.StatementType.SELECT or not _READS.match(_COMMENTS.sub(" ", text)):
            raise QueryError(f"only reading is possible; give {_HOW}")
        tree = cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchall()[0][0]
    except duckdb.Error as error:
        raise QueryError(where(error)) from error
    parsed = orjson.loads(tree)
    if parsed["error"]:
        raise QueryError(f"{parsed['error_message']} Give {_HOW}")
    _walk(parsed["statements"], VIEWS)


def _walk(node: Any, tables: Collection[str]) -> None:
    """Look at every part of a parsed statement; `tables` may be named where it stands."""
    if isinstance(node, list):
        for each in node:
            _walk(each, tables)
    elif isinstance(node, dict):
        for common in (node.get("cte_map") or {}).get("map", ()):
            tables = {*tables, common["key"].lower()}
            _walk(common["value"], tables)
        _look(node, tables)
        for name, each in node.items():
            if name != "cte_map":
                _walk(each, tables)


def _look(node: dict[str, Any], tables: Collection[str]) -> None:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        name = ".".join(filter(None, (node["catalog_name"], node["schema_name"], node["table_name"])))
        if name.lower() not in tables:
            raise QueryError(f"there is no view {name!r}; give {_HOW}")
    elif kind == "TABLE_FUNCTION":
        name = node["function"]["function_name"]
        if name.lower() not in _ROWS_OF:
            raise QueryError(f"{name}() is not allowed; of functions that give rows, {_those(_ROWS_OF)} are")
    elif kind == "SHOW_REF" and not node["query"]:
        raise QueryError(f"only a view or a query can be described; give {_HOW}")
    elif kind == "FUNCTION" and node["function_name"].lower() in _REACHES_OUT:
        raise QueryError(f"{node['function_name']}() is not allowed: it does more than compute")


def _those(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def where(error: duckdb.Error) -> str:
    """DuckDB's own words: what is wrong, the line and a caret under the place."""
    return str(error).split("\n\nStack Trace")[0].strip()
