"""What is around the modules that drift looks at: the server, other modules, extensions, settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from nexus.migrations import provision
from nexus.migrations.errors import MigrationError
from nexus.migrations.migration import Source
from nexus.migrations.shape import Shape, compare, drift, in_order, read_shape
from nexus.migrations.shape.tests.modules import bring_up, connected, run, source_of, write

ITEMS = "CREATE TABLE items (id int PRIMARY KEY);"


def module(folder: Path, name: str, *scripts: str) -> Source:
    for number, sql in enumerate(scripts, 1):
        write(folder / name, f"2026010{number}000000_part", sql)
    return source_of(name, folder / name)


async def test_a_replay_changes_no_role(make_database: Any, tmp_path: Path) -> None:
    dsn = await make_database()
    shop = module(
        tmp_path,
        "shop",
        f"{ITEMS}\n/* it */ ALTER ROLE shop_owner SET\n statement_timeout = '7s';\nSELECT 1;",
    )
    await bring_up(dsn, shop)
    await run(dsn, "ALTER ROLE shop_owner SET statement_timeout = '99s'")
    try:
        assert await drift(dsn, [shop]) == {"shop": ()}
        told = await run(dsn, "SELECT rolconfig FROM pg_roles WHERE rolname = 'shop_owner'")
        assert told[0][0] == ["statement_timeout=99s"]
    finally:
        await run(dsn, "ALTER ROLE shop_owner RESET ALL")


async def test_a_block_about_roles_is_not_replayed(make_database: Any, tmp_path: Path) -> None:
    dsn = await make_database()
    block = "DO $$ BEGIN ALTER ROLE shop_owner SET lock_timeout = '7s'; END $$;"
    shop = module(tmp_path, "shop", f"{ITEMS}\n{block}")
    await bring_up(dsn, shop)
    await run(dsn, "ALTER ROLE shop_owner RESET ALL")
    with pytest.raises(MigrationError, match=r"migration\.sql:2: a DO block about roles"):
        await drift(dsn, [shop])
    assert (await run(dsn, "SELECT rolconfig FROM pg_roles WHERE rolname = 'shop_owner'"))[0][0] is None


async def test_a_module_that_is_not_made_yet_is_left_out(make_database: Any, tmp_path: Path) -> None:
    dsn = await make_database()
    shop = module(tmp_path, "shop", ITEMS)
    fresh = module(tmp_path, "nobody_made_it", ITEMS)
    await bring_up(dsn, shop)
    assert await drift(dsn, [fresh, shop]) == {"shop": ()}


async def test_what_fails_in_one_module_is_told_of_that_one(make_database: Any, tmp_path: Path) -> None:
    dsn = await make_database()
    shop, crm = module(tmp_path, "shop", ITEMS), module(tmp_path, "crm", "CREATE TABLE c (i int);")
    await bring_up(dsn, shop, crm)
    (crm.folder / "20260101000000_part" / "migration.sql").unlink()
    (crm.folder / "20260101000000_part").rmdir()
    await run(dsn, "TRUNCATE nexus.script; ALTER TABLE shop.items ADD COLUMN hand int")
    found = await drift(dsn, [shop, crm])
    assert [each.sentence for each in found["shop"]] == ["column shop.items.hand is extra"]
    assert found.keys() == {"shop"}
    assert found.unknown.keys() == {"crm"}
    assert "20260101000000_part is recorded as applied, but its script" in found.unknown["crm"]
    alone = await drift(dsn, [shop, crm], ["shop"])
    assert alone.keys() == {"shop"}
    assert alone.unknown == {}
    with pytest.raises(MigrationError, match="is recorded as applied"):
        await drift(dsn, [shop, crm], ["crm"])


async def test_one_module_is_looked_at_with_what_it_names(make_database: Any, tmp_path: Path) -> None:
    dsn = await make_database()
    shop = module(
        tmp_path,
        "shop",
        f"{ITEMS} GRANT USAGE ON SCHEMA shop TO PUBLIC; GRANT REFERENCES ON items TO PUBLIC;",
    )
    crm = module(tmp_path, "crm", "CREATE TABLE c (i int REFERENCES shop.items);")
    await bring_up(dsn, shop, crm)
    assert await drift(dsn, [crm, shop], ["crm"]) == {"crm": ()}


async def test_a_schema_of_another_tool_is_taken_as_it_is(make_database: Any, tmp_path: Path) -> None:
    dsn = await make_database()
    tool = replace(module(tmp_path, "tool"), format="command")
    await run(dsn, provision("tool", "tool", "password"))
    await run(
        dsn,
        f"CREATE TABLE tool.{ITEMS.removeprefix('CREATE TABLE ')}"
        "GRANT USAGE ON SCHEMA tool TO PUBLIC; GRANT REFERENCES ON tool.items TO PUBLIC",
    )
    crm = module(tmp_path, "crm", "CREATE TABLE c (i int REFERENCES tool.items);")
    await bring_up(dsn, crm)
    assert await drift(dsn, [crm, tool]) == {"crm": ()}


async def test_extensions_and_settings_of_the_database_are_there(make_database: Any, tmp_path: Path) -> None:
    dsn = await make_database()
    database = dsn.rpartition("/")[2].partition("?")[0]
    shop = module(
        tmp_path,
        "shop",
        "CREATE TABLE items (id int, name ext.citext,"
        " at timestamptz DEFAULT '2026-01-01 00:00', n numeric DEFAULT current_setting('shop.n')::numeric);",
    )
    await run(
        dsn,
        "CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; GRANT USAGE ON SCHEMA ext TO PUBLIC;"
        f"ALTER DATABASE {database} SET timezone = 'America/Sao_Paulo';"
        f"ALTER DATABASE {database} SET shop.n = '4';"
        f'ALTER DATABASE {database} SET search_path = ext, "$user"',
    )
    await bring_up(dsn, shop)
    assert await drift(dsn, [shop]) == {"shop": ()}


async def test_an_extension_in_a_schema_of_a_module(make_database: Any, tmp_path: Path) -> None:
    dsn = await make_database()
    await run(dsn, provision("shop", "shop", "password"))
    await run(dsn, "CREATE EXTENSION citext SCHEMA shop")
    shop = module(tmp_path, "shop", "CREATE TABLE items (name citext);")
    await bring_up(dsn, shop)
    assert await drift(dsn, [shop]) == {"shop": ()}


async def test_what_a_shape_does_not_know_is_told_by_its_name(make_database: Any, tmp_path: Path) -> None:
    dsn = await make_database()
    shop = module(
        tmp_path, "shop", f'{ITEMS} CREATE COLLATION kept FROM "C"; CREATE COLLATION gone FROM "C";'
    )
    await bring_up(dsn, shop)
    assert await drift(dsn, [shop]) == {"shop": ()}
    await run(
        dsn,
        'DROP COLLATION shop.gone; CREATE COLLATION shop.hand FROM "C";'
        "CREATE OPERATOR shop.=== (FUNCTION = pg_catalog.int4eq, LEFTARG = int, RIGHTARG = int);"
        "CREATE TEXT SEARCH CONFIGURATION shop.tsc (COPY = pg_catalog.simple)",
    )
    found = (await drift(dsn, [shop]))["shop"]
    assert [each.sentence for each in found] == [
        "collation shop.gone is missing; its migration says how it is made",
        "collation shop.hand is extra",
        "operator shop.===(integer,integer) is extra",
        "text search configuration shop.tsc is extra",
    ]
    async with connected(dsn) as connection:
        for step in in_order(found):
            await connection.execute(step.sql)
    assert [each.what for each in (await drift(dsn, [shop]))["shop"]] == ["missing"]


async def test_a_type_made_anew_keeps_owner_comment_and_rights(make_database: Any, tmp_path: Path) -> None:
    dsn = await make_database()
    shop = module(
        tmp_path,
        "shop",
        "CREATE TYPE state AS ENUM ('open', 'done'); COMMENT ON TYPE state IS 'of an order';"
        "REVOKE USAGE ON TYPE state FROM PUBLIC; GRANT USAGE ON TYPE state TO shop;"
        "CREATE TABLE orders (id int, s state);",
    )
    await bring_up(dsn, shop)
    want = await _shape(dsn)
    await run(dsn, "ALTER TYPE shop.state ADD VALUE 'stray'")
    found = (await drift(dsn, [shop]))["shop"]
    async with connected(dsn) as connection:
        for step in in_order(found):
            await connection.execute(step.sql)
    assert compare(await _shape(dsn), want) == ()


async def _shape(dsn: str) -> Shape:
    connection = await asyncpg.connect(dsn)
    try:
        return await read_shape(connection, ["shop"])
    finally:
        await connection.close()
