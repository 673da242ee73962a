from __future__ import annotations

import re

import pytest
from pglast import parse_sql

from nexus.migrations.applying.backfill_statement import Batched, batched
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Migration
from nexus.migrations.statements import Statement, statements


def one(sql: str) -> Statement:
    (statement,) = statements(Migration("20260101000000_fill", f"-- nexus: batch=1000\n{sql}", ""))
    return statement


def read(sql: str) -> Batched:
    return batched(one(sql))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE t SET n = 1", "UPDATE t SET n = 1 WHERE t.id > 5"),
        ("UPDATE t SET n = 1;", "UPDATE t SET n = 1 WHERE t.id > 5"),
        ("UPDATE t SET n = 1 WHERE x OR y", "UPDATE t SET n = 1 WHERE (x OR y) AND t.id > 5"),
        (
            "UPDATE t SET n = 'it''s; WHERE' WHERE n = $q$ RETURNING $q$ -- WHERE\n AND b -- end",
            "UPDATE t SET n = 'it''s; WHERE' WHERE n = $q$ RETURNING $q$ AND b AND t.id > 5",
        ),
        (
            "UPDATE ação SET \"where\" = E'\\'' WHERE ação.where = 'é' /* fim; */ RETURNING 1 AS returning;",
            "UPDATE ação SET \"where\" = '''' WHERE ação.where = 'é' AND t.id > 5 RETURNING 1 AS returning",
        ),
        (
            "WITH s AS (SELECT id FROM o WHERE x) UPDATE t AS u SET n = s.id "
            "FROM s, LATERAL (SELECT 1 WHERE true) l WHERE s.id = u.id",
            "WITH s AS (SELECT id FROM o WHERE x) UPDATE t AS u SET n = s.id "
            "FROM s, LATERAL (SELECT 1 WHERE true) l WHERE s.id = u.id AND t.id > 5",
        ),
        (
            "DELETE FROM ONLY t u USING x WHERE (u.a, u.b) = (x.a, x.b)",
            "DELETE FROM ONLY t u USING x WHERE (u.a, u.b) = (x.a, x.b) AND t.id > 5",
        ),
        ("INSERT INTO b SELECT id FROM t", "INSERT INTO b SELECT id FROM t WHERE t.id > 5"),
        (
            "INSERT INTO b (x) WITH w AS MATERIALIZED (SELECT 2) SELECT id AS from "
            "FROM t LEFT JOIN s ON s.id = t.id WHERE s.x IS DISTINCT FROM 1 "
            "ON CONFLICT (x) WHERE x > 1 DO UPDATE SET x = 2 WHERE b.x = 3 RETURNING x",
            "INSERT INTO b (x) WITH w AS MATERIALIZED (SELECT 2) SELECT id AS from "
            "FROM t LEFT JOIN s ON s.id = t.id WHERE s.x IS DISTINCT FROM 1 AND t.id > 5 "
            "ON CONFLICT (x) WHERE x > 1 DO UPDATE SET x = 2 WHERE b.x = 3 RETURNING x",
        ),
        (
            "INSERT INTO b SELECT id FROM t FOR SHARE",
            "INSERT INTO b SELECT id FROM t WHERE t.id > 5 FOR SHARE",
        ),
    ],
)
def test_a_condition_is_put_beside_the_authors_own(sql: str, expected: str) -> None:
    assert parse_sql(read(sql).within("t.id > 5"))[0].stmt == parse_sql(expected)[0].stmt


def test_comments_of_the_author_stay() -> None:
    text = read("UPDATE t SET n = 1 -- why\nWHERE n = 2 /* more */ OR x; -- end").within("true")
    assert text == "UPDATE t SET n = 1 -- why\nWHERE ( n = 2 /* more */ OR x\n) AND (true)\n"


def test_what_is_known_of_a_statement() -> None:
    update = read("UPDATE ONLY s.\"T\" AS u SET (a, b) = (1, 2), c = lower(c) WHERE c > ''")
    assert (update.kind, update.table, update.alias, update.only) == ("UPDATE", '"s"."T"', '"u"', True)
    assert sorted(update.sets) == ["a", "b", "c"]
    assert (update.conditional, update.returns) == (True, False)
    insert = read(
        "INSERT INTO b SELECT lower(x), (SELECT max(y) FROM o) FROM t WHERE f(x) ON CONFLICT DO NOTHING"
    )
    assert (insert.kind, insert.table, insert.target, insert.ignores) == ("INSERT", '"t"', '"b"', True)
    assert insert.calls == {"lower"}


def test_an_update_tells_how_many_rows_it_would_take_again() -> None:
    text = read("UPDATE t SET n = 1 WHERE n IS NULL -- not yet\n;").within("id > 5", again=True)
    assert "RETURNING ( n IS NULL\n) IS TRUE AS again" in text
    parse_sql(text)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT 1", "only UPDATE, DELETE and INSERT"),
        ("TRUNCATE t", "only UPDATE, DELETE and INSERT"),
        ("UPDATE t SET a = 1 WHERE CURRENT OF c", "stands on a cursor"),
        ("WITH d AS (DELETE FROM x RETURNING id) UPDATE t SET a = 1 FROM d", "its WITH d writes"),
        ("INSERT INTO b VALUES (1)", "selects from no table"),
        ("INSERT INTO b DEFAULT VALUES", "selects from no table"),
        ("INSERT INTO b SELECT 1", "the first of its FROM is not a table"),
        ("INSERT INTO b SELECT x FROM generate_series(1, 9) x", "the first of its FROM is not a table"),
        ("INSERT INTO b SELECT x FROM (SELECT x FROM t) s", "the first of its FROM is not a table"),
        ("WITH s AS (SELECT 1 AS x) INSERT INTO b SELECT x FROM s", "s is not a table but its own WITH"),
        ("INSERT INTO b SELECT x FROM t UNION ALL SELECT x FROM u", "UNION"),
        ("INSERT INTO b SELECT x FROM t LIMIT 5", "its LIMIT looks at all rows"),
        ("INSERT INTO b SELECT x FROM t OFFSET 5", "its OFFSET looks at all rows"),
        ("INSERT INTO b SELECT DISTINCT x FROM t", "its DISTINCT looks at all rows"),
        ("INSERT INTO b SELECT x FROM t GROUP BY x", "its GROUP BY looks at all rows"),
        ("INSERT INTO b SELECT x FROM t ORDER BY x", "its ORDER BY looks at all rows"),
        ("INSERT INTO b SELECT row_number() OVER () FROM t", "its window function looks at all rows"),
        ("INSERT INTO b SELECT 1 FROM t RIGHT JOIN u USING (id)", "RIGHT or FULL JOIN"),
        ("INSERT INTO t SELECT x + 1 FROM t", "it would never end"),
        ("INSERT INTO b (SELECT x FROM t)", "write its SELECT out"),
        ("INSERT INTO b TABLE t", "write its SELECT out"),
    ],
)
def test_what_cannot_be_carried_out_in_batches_is_refused(sql: str, why: str) -> None:
    with pytest.raises(MigrationUnreadable, match=re.escape(why)) as refused:
        read(sql)
    assert str(refused.value).startswith("20260101000000_fill/migration.sql:2: batch=1000: ")
