"""Scripts sent in one message: errors and locks are told as if they were sent statement by statement."""

from __future__ import annotations

import asyncio

import pytest

from nexus.migrations.applying.at_once import SHORT, brief
from nexus.migrations.applying.tests.shop import Shop, until
from nexus.migrations.errors import MigrationFailed
from nexus.migrations.migration import Migration
from nexus.migrations.statements import statements

ITEMS = "CREATE TABLE items (id int PRIMARY KEY, n int CHECK (n > 0));"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"{ITEMS} CREATE INDEX ON items (n); INSERT INTO items VALUES (1, 1); DROP TABLE items;", True),
        ("-- nothing", True),
        (f"{ITEMS} INSERT INTO items SELECT i, i FROM generate_series(1, 10000000) AS i;", False),
        ("CREATE TABLE big AS SELECT 1;", False),
        ("DO $$ BEGIN PERFORM 1; END $$;", False),
        ("SET standard_conforming_strings = off; INSERT INTO items VALUES (1, 1);", False),
        ("ALTER ROLE a SET standard_conforming_strings = off;", False),
        (f"INSERT INTO items VALUES {', '.join(f'({n}, 1)' for n in range(SHORT // 8))};", False),
    ],
)
def test_only_what_is_over_at_once_is_sent_at_once(sql: str, expected: bool) -> None:
    assert brief(statements(Migration("1_items", sql, ""))) is expected


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ("INSERT INTO items VALUS (1, 1);", "42601 syntax error"),  # the server reads nothing of the message
        ("INSERT INTO items VALUES (1, 0);", "23514 "),  # it tells no position
        ("ALTER TABLE items ADD COLUMN price nought;", '42704 type "nought" does not exist'),
    ],
)
async def test_an_error_is_recorded_with_its_line(shop: Shop, wrong: str, error: str) -> None:
    path = shop.write("1_items", f"{ITEMS}\n\n{wrong}\nINSERT INTO items VALUES (2, 2);")
    with pytest.raises(MigrationFailed, match=rf"{error}.*\(line 3\)") as failed:
        await shop.apply()
    assert failed.value.code == "P3018"
    assert await shop.rows() == [("1_items", "failed")]
    assert await shop.fetch("SELECT outcome FROM nexus.migration_run") == [("failed",)]
    assert await shop.fetch("SELECT FROM pg_class WHERE relname = 'items'") == []
    path.write_text(path.read_text().replace(wrong, ""))
    await shop.rolled_back("1_items")
    assert await shop.apply() == ("1_items",)
    assert await shop.fetch("SELECT id FROM items") == [(2,)]


async def test_it_makes_way_and_then_the_statement_is_named(shop: Shop) -> None:
    await shop.run(
        "CREATE SCHEMA old; CREATE TABLE old.items (i int); GRANT USAGE ON SCHEMA old TO shop_owner"
    )
    await shop.run("ALTER TABLE old.items OWNER TO shop_owner")
    shop.write("1_items", f"{ITEMS}\nALTER TABLE old.items ADD COLUMN n int;")
    async with shop.connection() as other:
        await other.execute("BEGIN; SELECT * FROM old.items")
        applying = asyncio.create_task(shop.apply())

        async def waits_twice() -> bool:
            return sum("tries" in each.detail for each in shop.told) >= 2

        await until(waits_twice)
        assert await shop.rows() == [("1_items", "running")]
        await other.execute("COMMIT")
        assert await applying == ("1_items",)
    lines = [each.line for each in shop.told if "tries" in each.detail]
    assert (lines[0], set(lines[1:])) == (1, {2})
    assert await shop.rows() == [("1_items", "applied")]
