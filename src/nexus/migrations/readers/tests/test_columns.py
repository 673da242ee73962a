"""Which columns SQL reads."""

from __future__ import annotations

import pytest
from pglast import parse_sql

from nexus.migrations.readers.columns import columns_of


def read(sql: str) -> set[str]:
    """`schema.table.column`, with `*` for all columns and nothing for rows alone."""
    found = columns_of(parse_sql(sql)[0].stmt, "sales")
    return {
        f"{each.table}.{'*' if each.column is None else each.column}".rstrip(".")
        for each in found
        if each.column != ""
    } | {f"{each.table}" for each in found if each.column == ""}


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT total FROM orders", "sales.orders sales.orders.total"),
        ("SELECT o.total FROM crm.orders AS o", "crm.orders crm.orders.total"),
        ("SELECT count(*) FROM orders", "sales.orders"),
        ("SELECT * FROM orders", "sales.orders sales.orders.*"),
        ("SELECT o.* FROM orders o, lines", "sales.orders sales.orders.* sales.lines"),
        ("SELECT count(o) FROM orders o", "sales.orders sales.orders.*"),
        ("SELECT a FROM x, y", "sales.x sales.y sales.x.a sales.y.a"),
        ("SELECT 1 FROM x JOIN y USING (k)", "sales.x sales.y sales.x.k sales.y.k"),
        ("WITH c AS (SELECT a FROM x) SELECT a, c.a FROM c", "sales.x sales.x.a"),
        ("WITH c (z) AS (SELECT a FROM x) SELECT z FROM c, y", "sales.x sales.x.a sales.y"),
        ("SELECT s.a FROM (SELECT b AS a FROM x) AS s", "sales.x sales.x.b"),
        ("SELECT a AS seen FROM x ORDER BY seen", "sales.x sales.x.a"),
        (
            "SELECT 1 FROM x WHERE EXISTS (SELECT FROM y WHERE y.k = x.k)",
            "sales.x sales.y sales.y.k sales.x.k",
        ),
        ("SELECT 1 FROM x WHERE EXISTS (SELECT FROM y WHERE k)", "sales.x sales.y sales.y.k sales.x.k"),
        ("SELECT v FROM generate_series(1, 3) AS v, x", "sales.x"),
        ("SELECT l.v FROM x, LATERAL (VALUES (x.a)) AS l (v)", "sales.x sales.x.a"),
        ("SELECT a FROM x UNION ALL SELECT b FROM y", "sales.x sales.x.a sales.y sales.y.b"),
        ("SELECT relname FROM pg_catalog.pg_class", ""),
        (
            "UPDATE x SET a = y.b FROM y WHERE y.k = x.k",
            "sales.x sales.x.a sales.x.k sales.y sales.y.b sales.y.k",
        ),
        ("INSERT INTO x (a) SELECT b FROM y", "sales.x sales.x.a sales.y sales.y.b"),
        ("CREATE VIEW v AS SELECT a FROM crm.x", "crm.x crm.x.a sales.v"),
        ("SELECT rank() OVER (PARTITION BY a ORDER BY b) FROM x", "sales.x sales.x.a sales.x.b"),
        (
            "WITH RECURSIVE t AS (SELECT id FROM x UNION SELECT x.id FROM x JOIN t ON x.up = t.id) "
            "SELECT id FROM t",
            "sales.x sales.x.id sales.x.up",
        ),
    ],
)
def test_columns_are_found_where_a_query_takes_them_from(sql: str, columns: str) -> None:
    assert read(sql) == set(columns.split())
