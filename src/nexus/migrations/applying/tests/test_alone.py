"""What runs in no transaction although its text does not tell."""

from __future__ import annotations

import pytest

from nexus.migrations.applying.tests.shop import Shop
from nexus.migrations.errors import MigrationFailed

PARTED = """
CREATE TABLE items (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE items_1 PARTITION OF items FOR VALUES FROM (1) TO (1000);
INSERT INTO items SELECT generate_series(1, 99);
"""
NODES = "SELECT array_agg(relfilenode::int8 ORDER BY oid) FROM pg_class WHERE relname ~ '^items_1'"


@pytest.mark.parametrize(
    "sql", ["REINDEX TABLE items", "REINDEX INDEX items_pkey", "CLUSTER items USING items_pkey"]
)
async def test_what_only_the_catalogue_shows_runs_in_no_transaction(shop: Shop, sql: str) -> None:
    shop.write("1_items", PARTED)
    await shop.apply()
    before = await shop.value(NODES)
    shop.write("2_again", f"-- nexus: transaction=none\n{sql};\nINSERT INTO items VALUES (100);")
    assert await shop.apply() == ("2_again",)
    assert await shop.value(NODES) != before
    assert await shop.value("SELECT count(*) FROM items") == 100
    shop.write("3_one", f"{sql};")
    with pytest.raises(MigrationFailed, match="transaction=none"):
        await shop.apply()


@pytest.mark.parametrize("sql", ["REINDEX SCHEMA shop", "CLUSTER"])
async def test_what_is_about_many_tables_runs_alone_by_itself(shop: Shop, sql: str) -> None:
    shop.write("1_items", "CREATE TABLE items (id int PRIMARY KEY); CLUSTER items USING items_pkey;")
    await shop.apply()
    before = await shop.value(NODES.replace("items_1", "items_pkey"))
    shop.write("2_again", f"{sql};")
    assert await shop.apply() == ("2_again",)
    assert await shop.value(NODES.replace("items_1", "items_pkey")) != before
