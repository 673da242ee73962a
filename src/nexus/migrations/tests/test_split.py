"""No part of a script is passed over when it is split into statements."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pglast.parser import ParseError, scan

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
        ("SELECT 1;\r\n-- a\rfoo bar;", 3),
        ("SELECT 1;\n\u00a0\n", 2),
        ("\u00a0", 1),
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
        (
            "CREATE TABLE a ();\r-- two\rCREATE TABLE b ();",
            [(1, "CREATE TABLE a ()"), (3, "CREATE TABLE b ()")],
        ),
        ("-- a\r\n-- b\r-- c\n\rSELECT 1", [(5, "SELECT 1")]),
        ("/* a /* b */ c */ SELECT 1; /* /* */ ; */ SELECT 2", [(1, "SELECT 1"), (1, "SELECT 2")]),
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


_PIECES = ["--", "/*", "*/", "\r", "\n", " ", ";", "SELECT 1", "x", "'a;'", "\f", "é", "nexus:"]


@given(st.lists(st.sampled_from(_PIECES), max_size=20).map("".join))
@settings(max_examples=3000, deadline=None)
def test_every_word_that_postgresqls_scanner_sees_is_in_a_statement(sql: str) -> None:
    try:
        seen = words(sql)
        found = [word for each in statements(Migration("1", sql, "")) for word in words(each.sql)]
    except (ParseError, MigrationUnreadable):
        return  # a comment has no end
    assert found == seen


def words(sql: str) -> list[str]:
    """The tokens but comments and semicolons."""
    return [
        sql[each.start : each.end + 1]
        for each in scan(sql)
        if each.name not in ("SQL_COMMENT", "C_COMMENT", "ASCII_59")
    ]
