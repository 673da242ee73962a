from __future__ import annotations

import pytest

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
        "INSERT INTO t VALUES ('COPY t FROM stdin;');",
        "COPY t TO STDOUT; COPY t FROM '/tmp/x';",
        "COMMENT ON TABLE t IS 'unterminated \\",
        "",
    ],
)
def test_a_backslash_inside_a_literal_or_comment_is_fine(sql: str) -> None:
    refuse_psql("f.sql", sql)
