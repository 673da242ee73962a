from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pglast.parser import ParseError, scan

from nexus.migrations.comments import line_ends
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.reading.psql import refuse_psql


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1;\n\\copy t FROM 'x.csv'\n", r"f\.sql:2: \\copy is a command of psql.* INSERT INTO"),
        ("\\i other.sql", r"f\.sql:1: \\i is a command.*put that file's SQL here"),
        ("/* it's */\n\n\\connect erp", r"f\.sql:3: \\connect .*take it out"),
        ("\\restrict abc\nSELECT 1;", r"f\.sql:1: \\restrict .*take it out: pg_dump writes it"),
        ("\\timing on", r"f\.sql:1: \\timing .*or write what it does in SQL"),
        ("SELECT 1 \\gset\n", r"f\.sql:1: \\gset .*DO block with a variable"),
        ("COPY t (a, b) FROM stdin;\n1\t2\n\\.\n", r"f\.sql:1: COPY … FROM stdin takes its rows from psql"),
        ("-- data\n/* x */ copy t\nfrom STDIN with (format csv);\n1\n", r"f\.sql:2: COPY"),
        ("SELECT 1; COPY t FROM stdin;", r"f\.sql:1: COPY"),
        ("SELECT 'a'; \\.", r"f\.sql:1: \\\. is a command"),
        ("SELECT E'\\'', \\x", r"f\.sql:1: \\x"),
        ("SELECT $a$ $b$ $a$;\n\\d", r"f\.sql:2: \\d"),
        ("/* a /* b */ c */ \\q", r"f\.sql:1: \\q"),
        ("SELECT 1;\r-- it's\r\\q", r"f\.sql:3: \\q"),
        ("SELECT 1;\r\n-- a\r\\q\n", r"f\.sql:3: \\q"),
        ("SELECT 1;\nCOPY t FROM /**/ stdin;", r"f\.sql:2: COPY"),
        ("COPY t /* it's */ -- x\r FROM stdin;", r"f\.sql:1: COPY"),
        ('COPY "a;b" FROM stdin;', r"f\.sql:1: COPY"),
    ],
)
def test_what_is_psqls_is_refused(sql: str, message: str) -> None:
    with pytest.raises(MigrationUnreadable, match=message):
        refuse_psql("f.sql", sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '\\copy', 'it''s \\i', E'\\'\\\\', e'\\n', U&'\\0441', \"a\\b\";",
        "-- \\copy t\n/* \\i /* \\c */ \\connect */ SELECT 1;",
        "DO $$ BEGIN RAISE NOTICE '\\x'; END $$; DO $tag$ $$ \\ $$ $tag$;",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $_x1$ SELECT '\\d' $_x1$;",
        "SELECT foo$bar$ FROM t; SELECT '\\', $1;",
        "SELECT copy, x FROM stdin;",
        "COPY t TO stdout; COPY t FROM PROGRAM 'cat stdin'; SELECT 1 FROM stdin;",
        "SELECT E'a'\n'b\\'c \\d';",
        "SELECT E'a' -- it's\r -- two\n 'b\\'c' \r'\\d';",
        "INSERT INTO t VALUES ('COPY t FROM stdin;');",
        "COPY t TO STDOUT; COPY t FROM '/tmp/x';",
        "COMMENT ON TABLE t IS 'unterminated \\",
        "",
    ],
)
def test_a_backslash_inside_a_literal_or_comment_is_fine(sql: str) -> None:
    refuse_psql("f.sql", sql)


_PIECES = (
    "' '' \" \"\" \\ \\' \\\\ -- /* */ $ $$ $a$ $b$ $1 e' E' U&' u&\" b' x' N' e a _ é ; \n \r , ( ) :: / * "
    "- + 1 '\\' e'\\\\'"
).split(" ")


@given(st.lists(st.sampled_from([*_PIECES, " "]), max_size=24).map("".join))
@settings(max_examples=3000, deadline=None)
def test_a_backslash_is_found_exactly_where_postgresqls_scanner_finds_one(sql: str) -> None:
    try:
        tokens = scan(sql)
    except ParseError:
        return  # an end is missing: PostgreSQL says so itself
    if any(token.name == "ASCII_36" for token in tokens):
        return  # a lone $ is no SQL either
    found = [token.start for token in tokens if token.name == "ASCII_92"]
    lines = [1 + line_ends(sql, 0, start) for start in found[:1]]
    assert refused_lines(sql) == lines


def test_a_very_long_string_is_one_string() -> None:
    refuse_psql("f", "SELECT E'" + "\\n'' " * 1_000_000 + "';")
    assert refused_lines("SELECT E'" + "\\n\n" * 1_000_000 + "'; \\q") == [1_000_001]


def refused_lines(sql: str) -> list[int]:
    """The line that is refused, if one is."""
    try:
        refuse_psql("f", sql)
    except MigrationUnreadable as refused:
        return [int(str(refused).split(":")[1])]
    return []
