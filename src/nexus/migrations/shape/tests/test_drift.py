from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from nexus.migrations.errors import MigrationError
from nexus.migrations.migration import Source
from nexus.migrations.shape import drift, in_order, read_shape, shadow
from nexus.migrations.shape.tests.modules import bring_up, connected, erp, run, source_of, write

SHADOWS = "SELECT datname FROM pg_database WHERE datname LIKE 'nexus\\_shadow\\_%'"


@pytest.fixture
def shop(tmp_path: Path) -> Source:
    folder = tmp_path / "shop"
    write(folder, "20260101000000_first", "CREATE TABLE items (id serial PRIMARY KEY, name text NOT NULL);")
    write(folder, "20260102000000_index", "CREATE INDEX CONCURRENTLY items_name ON items (name);")
    write(
        folder, "20260103000000_rows", "INSERT INTO items (name) VALUES ('one'); ALTER TABLE items ADD p int;"
    )
    return source_of("shop", folder)


async def test_the_erp_has_not_drifted(make_database: Any) -> None:
    sources = erp()
    dsn = await make_database(*sources)
    assert await drift(dsn, sources) == {each.module: () for each in sources}
    assert await run(dsn, SHADOWS) == []


async def test_drift_is_told_with_the_statements_that_end_it(make_database: Any) -> None:
    sources = erp()
    dsn = await make_database(*sources)
    await run(
        dsn,
        "ALTER TABLE crm.outbox ADD COLUMN hand text; DROP INDEX sales.orders_newest;"
        "ALTER TABLE sales.orders ALTER COLUMN notes SET DEFAULT 'x';"
        "GRANT DELETE ON sales.order_timeline TO sales",
    )
    found = await drift(dsn, sources)
    assert {module: sorted(each.sentence for each in told) for module, told in found.items() if told} == {
        "crm": ["column crm.outbox.hand is extra"],
        "sales": [
            "default of sales.orders.notes is extra",
            "index sales.orders.orders_newest is missing",
            "table sales.order_timeline: has DELETE for sales",
        ],
    }
    async with connected(dsn) as connection:
        for step in in_order(each for told in found.values() for each in told):
            await connection.execute(step.sql)
    assert not any((await drift(dsn, sources)).values())


async def test_only_what_is_applied_counts(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    write(shop.folder, "20260104000000_pending", "CREATE TABLE later (i int);")
    assert await drift(dsn, [shop]) == {"shop": ()}


async def test_what_a_newer_release_applied_is_known_by_its_recorded_text(
    make_database: Any, shop: Source
) -> None:
    dsn = await make_database(shop)
    newer = shop.folder / "20260103000000_rows"
    (newer / "migration.sql").unlink()
    newer.rmdir()
    assert await drift(dsn, [shop]) == {"shop": ()}
    await run(dsn, "TRUNCATE nexus.script")
    with pytest.raises(MigrationError, match=r"20260103000000_rows is recorded as applied, but its script"):
        await drift(dsn, [shop])


async def test_a_schema_without_a_record_is_compared_with_the_whole_folder(
    make_database: Any, shop: Source
) -> None:
    dsn = await make_database(shop)
    await run(dsn, "DROP TABLE shop._prisma_migrations")
    assert await drift(dsn, [shop]) == {"shop": ()}


async def test_a_script_that_needs_what_no_migration_makes_is_named(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    await run(dsn, "CREATE TABLE shop.by_hand (i int)")
    write(shop.folder, "20260104000000_needs", "ALTER TABLE by_hand OWNER TO CURRENT_USER;")
    await run(dsn, "ALTER TABLE shop.by_hand OWNER TO shop_owner")
    await bring_up(dsn, shop)
    with pytest.raises(
        MigrationError, match="20260104000000_needs is applied, but cannot be applied to an empty"
    ):
        await drift(dsn, [shop])
    assert await run(dsn, SHADOWS) == []


async def test_a_shadow_is_like_the_living_database_and_gone_afterwards(make_database: Any) -> None:
    dsn = await make_database()
    await run(dsn, "CREATE EXTENSION citext SCHEMA public")
    basics = (
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider, datlocale "
        "FROM pg_database WHERE datname = current_database()"
    )
    async with shadow(dsn) as beside:
        assert await run(beside, basics) == await run(dsn, basics)
        extensions = "SELECT extname, extversion FROM pg_extension ORDER BY 1"
        assert await run(beside, extensions) == await run(dsn, extensions)
        assert len(await run(dsn, SHADOWS)) == 1
    assert await run(dsn, SHADOWS) == []


async def test_shadows_of_killed_runs_are_dropped_and_those_in_use_are_not(make_database: Any) -> None:
    dsn = await make_database()
    left, used = "nexus_shadow_1700000000_dead", "nexus_shadow_1700000000_beef"
    for each in (left, used):
        await run(dsn, f"CREATE DATABASE {each}")
    async with connected(dsn.rpartition("/")[0] + f"/{used}"), shadow(dsn):
        names = {row["datname"] for row in await run(dsn, SHADOWS)}
        assert left not in names
        assert used in names
        assert len(names) == 2
    async with shadow(dsn):
        assert used not in {row["datname"] for row in await run(dsn, SHADOWS)}


async def test_several_look_at_once(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    assert await asyncio.gather(*(drift(dsn, [shop]) for _ in range(3))) == [{"shop": ()}] * 3


async def test_500_tables_are_read_by_few_queries(make_database: Any) -> None:
    dsn = await make_database()
    columns = "id int PRIMARY KEY, a text DEFAULT '', up int REFERENCES many.t"
    tables = ";".join(f"CREATE TABLE many.t{n} ({columns}{max(0, n - 1)})" for n in range(500))
    await run(dsn, f"CREATE SCHEMA many; {tables}")
    asked: list[str] = []
    connection = await asyncpg.connect(dsn)
    try:
        connection.add_query_logger(lambda told: asked.append(told.query))
        shape = await read_shape(connection, ["many"])
    finally:
        await connection.close()
    assert len(list(shape.kind("table"))) == 500
    assert len(list(shape.kind("column"))) == 1500
    assert len(asked) < 30
