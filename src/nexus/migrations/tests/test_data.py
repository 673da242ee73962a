"""Data told from other statements without the parser."""

from __future__ import annotations

import pytest

from nexus.migrations import Migration
from nexus.migrations.data import inserts_into
from nexus.migrations.statements import statements


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("INSERT INTO t VALUES (1)", ("", "t")),
        ("insert into Shop.Orders (id, \"a b\") values (1, 'VALUES')", ("shop", "orders")),
        ('INSERT INTO "Shop" . "Or""ders"(id)VALUES(1)', ("Shop", 'Or"ders')),
        ("INSERT INTO t SELECT * FROM VALUES", None),
        ("INSERT INTO t DEFAULT VALUES", None),
        ("-- nexus: batch=5\nINSERT INTO t VALUES (1)", None),
        ("UPDATE t SET a = 'INSERT INTO t VALUES (1)'", None),
        ("WITH x AS (SELECT 1) INSERT INTO t VALUES (1)", None),
    ],
)
def test_inserts_of_values_are_told_by_their_first_words(sql: str, told: tuple[str, str] | None) -> None:
    (statement,) = statements(Migration("1", sql, ""))
    assert inserts_into(statement) == told
