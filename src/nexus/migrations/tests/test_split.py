"""No part of a script is passed over when it is split into statements."""

from __future__ import annotations

import pytest

from nexus.migrations import Migration
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.statements import statements


def split(sql: str) -> list[tuple[int, str]]:
    return [(each.line, each.sql) for each in statements(Migration("1", sql, ""))]


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("SELCT 2", 1),
        ("SELECT 1;\nSELCT 2", 2),
        ("SELECT 1;\n\n-- why; not\nSELCT 2;\nSELECT 3", 4),
        ("SELECT 'ü; ö';\n/* ä */ ünïcode x;\nSELECT 3;", 2),
        ("/* a /* b */ c */ foo bar; SELECT 1", 1),
    ],
)
def test_a_misspelt_statement_is_refused_where_it_stands(sql: str, line: int) -> None:
    with pytest.raises(MigrationUnreadable, match=f":{line}: PostgreSQL's parser refuses it"):
        [each.tree for each in statements(Migration("1", sql, ""))]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("", []),
        (" ;; -- a; b\n;\n/* c; /* d */ */;", []),
        ("SELECT 1;;;\n--; foo\n;SELECT 2;\n-- end", [(1, "SELECT 1"), (3, "SELECT 2")]),
        ("SELECT ';--';\nSELECT $$;\n;$$", [(1, "SELECT ';--'"), (2, "SELECT $$;\n;$$")]),
    ],
)
def test_comments_and_empty_statements_are_none(sql: str, told: list[tuple[int, str]]) -> None:
    assert split(sql) == told


@pytest.mark.parametrize(
    "sql",
    [
        "-- ä; ö\nSELECT 1; /* é */ -- b\nUPDATE x SET a = 'é;' -- why\n;;\n\nCREATE TABLE b ()\n-- end\n;\n",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $x$ SELECT ';' $x$;\nSELECT E'\\';', \"a;b\";",
        "SELECT 1 /* a /* ; */ b */ + 2;\r\n-- c\r\n SELECT 3;",
    ],
)
def test_parser_and_scanner_find_the_same_statements(sql: str) -> None:
    scanned = split(f"{sql}-- nexus: the scanner alone is asked where comments may matter")
    assert split(sql) == scanned
    assert len(scanned) > 1
