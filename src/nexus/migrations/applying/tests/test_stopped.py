"""An operator who asks to stop while a migration keeps out of others' way: it lets go at once."""

from __future__ import annotations

import pytest

from nexus.migrations.applying.tests.shop import Shop
from nexus.migrations.errors import MigrationStopped


async def test_asked_to_stop_it_tries_no_more_and_leaves_nothing(shop: Shop) -> None:
    shop.write("1_items", "CREATE TABLE items (id int PRIMARY KEY);")
    await shop.apply()
    shop.write("2_price", "ALTER TABLE items ADD COLUMN price numeric;")
    async with shop.connection() as other:
        await other.execute("BEGIN; SELECT * FROM items")
        with pytest.raises(MigrationStopped, match="2_price was stopped while it kept out of the way"):
            await shop.apply(patience=600.0, stop=lambda: "waiting" in shop.kinds())
        assert await shop.rows() == [("1_items", "applied")]
        assert await shop.value("SELECT count(*) FROM nexus.migration_run WHERE outcome IS NULL") == 0
    assert await shop.apply() == ("2_price",)


async def test_what_is_not_one_transaction_goes_on_where_it_was_stopped(shop: Shop) -> None:
    shop.write("1_items", "CREATE TABLE items (id int PRIMARY KEY);")
    await shop.apply()
    shop.write(
        "2_two",
        "-- nexus: transaction=none\nCREATE TABLE other (id int);\n"
        "ALTER TABLE items ADD COLUMN price numeric;",
    )
    async with shop.connection() as other:
        await other.execute("BEGIN; SELECT * FROM items")
        with pytest.raises(MigrationStopped, match="The statements before it stay: done: line 2"):
            await shop.apply(patience=600.0, stop=lambda: "waiting" in shop.kinds())
    assert await shop.apply() == ("2_two",)
    assert "resumed" in shop.kinds()
