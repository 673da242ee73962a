"""Statements that run in no transaction, under a search_path that their script has set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from nexus.migrations.applying.tests.shop import Shop
from nexus.migrations.errors import MigrationBlocked, MigrationFailed

TABLES = """
CREATE SCHEMA aux AUTHORIZATION shop_owner;
SET ROLE shop_owner;
CREATE TABLE aux.items (n int);
CREATE TABLE items (n int);
"""
AUX = "-- nexus: transaction=none\nSET search_path = aux, shop;\n"
INDEXES = """
SELECT c.oid::regclass::text, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid IN ('aux.items'::regclass, 'shop.items'::regclass) ORDER BY 1
"""


@asynccontextmanager
async def held(shop: Shop) -> AsyncIterator[None]:
    """An old transaction that has written both tables."""
    async with shop.connection() as other, other.transaction():
        await other.execute("INSERT INTO aux.items VALUES (1); INSERT INTO shop.items VALUES (1)")
        yield


async def blocked(shop: Shop) -> None:
    async with held(shop):
        with pytest.raises(MigrationBlocked):
            await shop.apply(patience=0.3)


@pytest_asyncio.fixture(loop_scope="session")
async def ready(shop: Shop) -> Shop:
    """A schema with a record, and another one of the same owner beside it."""
    shop.write("1_begin", "SELECT 1;")
    await shop.apply()
    await shop.run(TABLES)
    return shop


async def test_an_index_is_dropped_where_the_search_path_finds_it_and_only_there(ready: Shop) -> None:
    await ready.run("CREATE INDEX i ON aux.items (n); CREATE INDEX i ON shop.items (n)")
    ready.write("2_drop", f"{AUX}DROP INDEX CONCURRENTLY i;")
    await blocked(ready)
    assert await ready.apply() == ("2_drop",)
    assert not any("had taken effect" in told.sentence for told in ready.told)
    assert await ready.fetch(INDEXES) == [("i", True)]


async def test_one_that_was_dropped_before_the_end_lets_no_other_of_its_name_be_dropped(ready: Shop) -> None:
    await ready.run("CREATE INDEX i ON aux.items (n); CREATE INDEX i ON shop.items (n)")
    ready.write("2_drop", f"{AUX}DROP INDEX CONCURRENTLY i;")
    await blocked(ready)
    await ready.run("DROP INDEX aux.i")  # as if whoever applied it had died right after it
    assert await ready.apply() == ("2_drop",)
    assert await ready.fetch(INDEXES) == [("i", True)]


@pytest.mark.parametrize("exists", ["", "IF NOT EXISTS "])
async def test_an_invalid_index_is_found_where_the_search_path_finds_its_table(
    ready: Shop, exists: str
) -> None:
    ready.write("2_index", f"{AUX}CREATE INDEX CONCURRENTLY {exists}i ON items (n);")
    await blocked(ready)
    await ready.run("DROP INDEX IF EXISTS aux.i")
    async with held(ready), ready.connection() as dying:
        # What a build leaves that was killed in the middle, before anybody could clean up.
        await dying.execute("SET statement_timeout = '300ms'")
        with pytest.raises(Exception, match="statement timeout"):
            await dying.execute("CREATE INDEX CONCURRENTLY i ON aux.items (n)")
    assert await ready.fetch(INDEXES) == [("aux.i", False)]
    assert await ready.apply() == ("2_index",)
    assert await ready.fetch(INDEXES) == [("aux.i", True)]


async def test_an_invalid_index_of_another_table_is_not_taken_for_the_one_that_is_asked_for(
    ready: Shop,
) -> None:
    await ready.run("CREATE TABLE shop.other (n int); INSERT INTO other VALUES (1), (1)")
    async with ready.connection() as dying:
        with pytest.raises(Exception, match="could not create unique index"):
            await dying.execute("CREATE UNIQUE INDEX CONCURRENTLY i ON other (n)")
    ready.write(
        "2_index", "-- nexus: transaction=none\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON items (n);"
    )
    with pytest.raises(MigrationFailed, match=r"an index shop\.i already, of shop\.other, and it is invalid"):
        await ready.apply()
