"""Backfills in batches."""

from __future__ import annotations

import pytest

from nexus.migrations.linting.tests.linting import found, living


@pytest.mark.parametrize(
    ("sql", "rewrite"),
    [
        ("UPDATE orders SET a = 1", "UPDATE orders SET a = 1 WHERE a IS DISTINCT FROM 1;"),
        (
            "UPDATE orders o SET a = 1, b = state",
            "UPDATE orders AS o SET a = 1, b = state WHERE a IS DISTINCT FROM 1 OR b IS DISTINCT FROM state;",
        ),
        ("UPDATE orders SET a = a + 1", "UPDATE orders SET a = a + 1;"),
        ("UPDATE orders SET b = random()", "UPDATE orders SET b = random();"),
        ("UPDATE orders SET a = DEFAULT", "UPDATE orders SET a = DEFAULT;"),
        ("UPDATE orders SET a = 1 WHERE b = 'x'", "UPDATE orders SET a = 1 WHERE b = 'x';"),
        ("UPDATE orders SET (a, b) = (SELECT 1, 'x')", "UPDATE orders SET (a, b) = (SELECT 1, 'x');"),
    ],
)
def test_a_backfill_of_all_rows_leaves_out_those_that_are_done_where_that_can_be_told(
    sql: str, rewrite: str
) -> None:
    told = {each.rule: each for each in found(sql, living())}
    expected = f"-- nexus: transaction=none\n-- nexus: batch=5000\n{rewrite}"
    assert told["backfill-in-one-statement"].rewrite == expected


def test_why_a_statement_cannot_be_batched_is_said_and_nothing_is_promised() -> None:
    sql = "ALTER TABLE lines ADD COLUMN c int; INSERT INTO lines SELECT id FROM orders ORDER BY id"
    told = {each.rule: each for each in found(sql, living())}
    one = told["backfill-in-one-statement"]
    assert one.sentence.endswith("; to batch it: its ORDER BY looks at all rows at once")
    assert one.rewrite == ""
    assert "batch=" not in told["backfill-in-transaction-with-ddl"].rewrite
