"""What is claimed where little is known, and what a script made itself."""

from __future__ import annotations

import pytest

from nexus.migrations.effects import effects_of
from nexus.migrations.effects.effect import (
    UNKNOWN,
    Effect,
    ForeignKey,
    Living,
    LockLevel,
    Table,
    TableFacts,
)
from nexus.migrations.migration import Migration
from nexus.migrations.statements import LARGE, statements

ORDERS = Table("shop", "orders")


def effects(sql: str, living: Living | None = None) -> list[Effect]:
    """The effects of each statement of a script."""
    made: set[Table] = set()
    script = statements(Migration("1", sql, ""))
    return [effect for each in script for effect in effects_of(each, "shop", living or Living(), made)]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE orders (id int); CREATE INDEX i ON orders (id); DROP INDEX i; DROP TABLE orders",
        "CREATE TABLE orders (id int); ALTER TABLE orders RENAME TO bills; TRUNCATE bills",
        "CREATE TABLE orders (id int); INSERT INTO shop.orders SELECT 1; UPDATE orders SET id = 2",
        "CREATE SCHEMA shop CREATE TABLE orders (id int); ALTER TABLE orders ADD COLUMN a int",
        "SELECT 1 AS id INTO orders; DELETE FROM orders",
        "SET lock_timeout = '1s'; CREATE TYPE state AS ENUM ('a'); BEGIN; COMMIT",
    ],
)
def test_what_a_script_made_itself_stops_nobody(sql: str) -> None:
    assert effects(sql) == []


def test_what_if_not_exists_may_have_found_is_not_the_scripts_own() -> None:
    sql = "CREATE TABLE IF NOT EXISTS orders (id int); TRUNCATE orders"
    assert [each.lock for each in effects(sql)] == [LockLevel.ACCESS_EXCLUSIVE]
    assert effects(sql, Living({Table("shop", "others"): TableFacts(1, 1, 1)})) == []


def test_a_new_table_still_locks_the_one_that_it_refers_to() -> None:
    (found,) = effects("CREATE TABLE line (id int REFERENCES orders (id))")
    assert (found.table, found.lock) == (ORDERS, LockLevel.SHARE_ROW_EXCLUSIVE)


@pytest.mark.parametrize("sql", ["DO $$BEGIN END$$", "CALL f()", "SELECT tidy()", "DROP FUNCTION f CASCADE"])
def test_what_only_running_it_shows_is_said_to_be_unknown(sql: str) -> None:
    (found,) = effects(sql)
    assert found.table == UNKNOWN
    assert not found.known
    assert found.why.endswith("what it locks is not known")


def test_a_type_that_nobody_knows_counts_as_a_rewrite() -> None:
    (found,) = effects("ALTER TABLE orders ALTER COLUMN number TYPE text")
    assert found.work == "rewrite"
    assert "not known" in found.why


def test_a_default_by_a_function_that_nobody_knows_counts_as_a_rewrite() -> None:
    (found,) = effects("ALTER TABLE orders ADD COLUMN c int DEFAULT odd()")
    assert found.work == "rewrite"


def test_one_statement_has_one_effect_on_a_table_with_all_reasons() -> None:
    (found,) = effects(
        "ALTER TABLE orders DROP COLUMN a, ADD COLUMN b int DEFAULT random(), ADD CHECK (b > 0)"
    )
    assert (found.lock, found.work, found.destroys) == (LockLevel.ACCESS_EXCLUSIVE, "rewrite", True)
    assert "drops the column a" in found.why
    assert "its default is another in each row" in found.why


def test_what_truncate_cascade_empties_is_found_through_all_foreign_keys() -> None:
    a, b, c = (Table("shop", name) for name in "abc")
    living = Living(
        foreign_keys={b: {"k": ForeignKey(("x",), a, ("id",))}, c: {"k": ForeignKey(("x",), b, ("id",))}}
    )
    found = effects("TRUNCATE a CASCADE", living)
    assert [(each.table, each.destroys) for each in found] == [(a, True), (b, True), (c, True)]


def test_data_too_large_to_be_parsed_tells_nothing() -> None:
    assert effects(f"INSERT INTO orders VALUES ('{'x' * LARGE}')") == []
