"""What an undo must not call proven, and how it takes columns back while others write."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from nexus.migrations.apply import apply
from nexus.migrations.applying.session import open_session
from nexus.migrations.applying.settings import Settings, Told
from nexus.migrations.errors import MigrationBlocked, PlanRefused
from nexus.migrations.migration import Source
from nexus.migrations.shape import UndoPlan, undo, undo_plan
from nexus.migrations.shape.guards import guarded
from nexus.migrations.shape.tests.modules import connected, run, source_of, write

FIRST = """
CREATE TYPE pair AS (a int);
CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', a text, p pair);
CREATE FUNCTION fill() RETURNS int LANGUAGE sql AS $$ INSERT INTO items (id) VALUES (99) RETURNING 1 $$;
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE SEQUENCE seats;
INSERT INTO items (id, a) VALUES (1, 'kept');
"""
SECOND = "20260102000000_second"
EXPAND = "-- nexus: phase=expand\n"
REFUSED = {
    "a text search configuration": (
        "CREATE TEXT SEARCH CONFIGURATION tsc (COPY = pg_catalog.simple);",
        "its text search configuration is not looked at",
    ),
    "one in a block": (
        "DO $$ BEGIN CREATE TEXT SEARCH CONFIGURATION tsc (COPY = pg_catalog.simple); END $$;",
        "its inverse leaves text search configuration shop.tsc changed",
    ),
    "a collation": ("CREATE COLLATION german FROM \"C\";", "its collation is not looked at"),
    "an operator": (
        "CREATE OPERATOR === (FUNCTION = pg_catalog.int4eq, LEFTARG = int, RIGHTARG = int);",
        "its operator is not looked at",
    ),
    "PERFORM in a block": ("DO $$ BEGIN PERFORM fill(); END $$;", "a DO block with PERFORM"),
    "an assignment in a block": (
        "DO $$ DECLARE x int; BEGIN x := fill(); END $$;",
        "a DO block with ASSIGN",
    ),
    "a computed variable": ("DO $$ DECLARE x int := fill(); BEGIN END $$;", "a DO block that computes x"),
    "EXECUTE in a block": ("DO $$ BEGIN EXECUTE 'SELECT fill()'; END $$;", "a DO block with EXECUTE"),
    "a table of a query": ("CREATE TABLE more AS SELECT fill() AS i;", "it calls fill"),
    "a materialized view": ("CREATE MATERIALIZED VIEW m AS SELECT one() AS i;", "it calls one"),
    "a default that is computed": ("ALTER TABLE items ADD COLUMN n int DEFAULT one();", "it calls one"),
    "a number taken": ("SELECT nextval('seats');", "it calls nextval"),
    "a sequence set anew": ("ALTER SEQUENCE seats RESTART WITH 7;", "it restarts a sequence"),
    "a column dropped": (EXPAND + "ALTER TABLE items DROP COLUMN a;", "it drops the column a of items"),
    "a column made anew": (
        EXPAND + "ALTER TABLE items DROP COLUMN a; ALTER TABLE items ADD COLUMN a text;",
        "it drops the column a of items",
    ),
    "values converted": (
        EXPAND + "ALTER TABLE items ALTER COLUMN a TYPE text USING '';",
        "it changes the type of a of items",
    ),
    "a column dropped in a block": (
        EXPAND + "DO $$ BEGIN ALTER TABLE items DROP COLUMN a; END $$;",
        "a DO block with it drops the column a of items",
    ),
    "an attribute of a column": ("ALTER TYPE pair ADD ATTRIBUTE b int;", "the attribute b of all values"),
}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Source:
    write(tmp_path / "shop", "20260101000000_first", FIRST)
    return source_of("shop", tmp_path / "shop")


async def add(dsn: str, source: Source, sql: str) -> None:
    write(source.folder, SECOND, sql)
    assert await apply(dsn, source.schema, source.owner, source.folder, source.role) == [SECOND]


async def planned(dsn: str, source: Source, sql: str) -> UndoPlan:
    await add(dsn, source, sql)
    return await undo_plan(dsn, source, SECOND)


@pytest.mark.parametrize("change", REFUSED)
async def test_it_is_not_called_proven(make_database: Any, shop: Source, change: str) -> None:
    sql, reason = REFUSED[change]
    plan = await planned(await make_database(shop), shop, sql)
    assert any(reason in each for each in plan.refusals), plan.refusals
    assert plan.proof == ""


async def test_a_value_of_a_type_is_not_told_as_rows(make_database: Any, tmp_path: Path) -> None:
    write(tmp_path / "shop", "20260101000000_first", "CREATE TYPE state AS ENUM ('open');")
    shop = source_of("shop", tmp_path / "shop")
    plan = await planned(await make_database(shop), shop, "ALTER TYPE state ADD VALUE 'lost';")
    assert any("it adds the value lost" in each for each in plan.refusals)
    assert not any("did to rows" in each for each in plan.refusals)


async def test_a_sequence_that_has_given_out_numbers_stays(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    assert (await planned(dsn, shop, "CREATE SEQUENCE order_no;")).refusals == ()
    await run(dsn, "SELECT setval('shop.order_no', 5000)")
    plan = await undo_plan(dsn, shop, SECOND)
    (refusal,) = plan.refusals
    assert refusal.startswith("where shop.order_no stands: it has given out numbers, and that would be lost")
    with pytest.raises(PlanRefused):
        await undo(dsn, shop, SECOND)
    assert (await run(dsn, "SELECT nextval('shop.order_no')"))[0][0] == 5001


async def test_a_sequence_that_nobody_used_goes(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    await planned(dsn, shop, "CREATE SEQUENCE order_no START 10;")
    assert (await undo(dsn, shop, SECOND)).statements == ("DROP SEQUENCE shop.order_no;",)


async def test_a_column_whose_type_has_no_equality(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    sql = "ALTER TABLE items ADD COLUMN meta json DEFAULT '{}', ADD COLUMN price numeric(10,2) DEFAULT 0;"
    assert (await planned(dsn, shop, sql)).refusals == ()
    await run(dsn, """UPDATE shop.items SET meta = '{"a": 1}'""")
    (refusal,) = (await undo_plan(dsn, shop, SECOND)).refusals
    assert refusal.startswith("1 row where shop.items.meta is not '{}'::json would be lost")
    await run(dsn, "UPDATE shop.items SET meta = '{}'")
    await undo(dsn, shop, SECOND)


async def test_nulls_are_counted_before_not_null_comes_back(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    sql = "ALTER TABLE items ALTER COLUMN name DROP NOT NULL;"
    assert (await planned(dsn, shop, sql)).refusals == ()
    await run(dsn, "UPDATE shop.items SET name = NULL")
    (refusal,) = (await undo_plan(dsn, shop, SECOND)).refusals
    assert refusal.startswith("1 row where shop.items.name is NULL stands in the way")


async def test_others_write_while_a_column_is_held_empty(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    plan = await planned(dsn, shop, "ALTER TABLE items ADD COLUMN note text;")
    async with (
        open_session(dsn, shop, Settings()) as session,
        guarded(session, plan.losses) as written,
        connected(dsn) as writer,
    ):
        assert written == ()
        await writer.execute("SET lock_timeout = '5s'; UPDATE shop.items SET name = 'y'")
        with pytest.raises(asyncpg.CheckViolationError):
            await writer.execute("UPDATE shop.items SET note = 'lost'")
    await run(dsn, "UPDATE shop.items SET note = 'kept'")


async def test_a_value_written_meanwhile_is_kept_and_no_guard_stays(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    await planned(dsn, shop, "ALTER TABLE items ADD COLUMN note text;")
    waiting = asyncio.Event()

    def tell(told: Told) -> None:
        if told.kind == "waiting":
            waiting.set()

    async with connected(dsn) as writer:
        await writer.execute("BEGIN; UPDATE shop.items SET note = 'kept'")
        undoing = asyncio.create_task(undo(dsn, shop, SECOND, Settings(lock_timeout=0.05), tell))
        await asyncio.wait_for(waiting.wait(), 60)
        await writer.execute("COMMIT")
        with pytest.raises(PlanRefused, match=r"meanwhile 1 or more rows where shop\.items\.note is filled"):
            await undoing
    assert await run(dsn, "SELECT conname FROM pg_constraint WHERE conname LIKE 'nexus_undo%'") == []


async def test_a_guard_of_a_killed_run_is_dropped(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    await planned(dsn, shop, "ALTER TABLE items ADD COLUMN note text;")
    await run(dsn, "ALTER TABLE shop.items ADD CONSTRAINT nexus_undo_guard_1 CHECK (note IS NULL) NOT VALID")
    await undo(dsn, shop, SECOND)
    with pytest.raises(asyncpg.UndefinedColumnError):
        await run(dsn, "SELECT note FROM shop.items")


async def test_who_is_in_the_way_of_an_undo_is_told_as_that(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    await planned(dsn, shop, "-- nexus: may-block=2s\nALTER TABLE items ADD COLUMN note text;")
    async with connected(dsn) as other, other.transaction():
        await other.execute("LOCK TABLE shop.items IN ROW EXCLUSIVE MODE")
        with pytest.raises(MigrationBlocked, match="could not be taken back within") as told:
            await undo(dsn, shop, SECOND, Settings(lock_timeout=0.05, patience=0.2))
    assert "Rewrite" not in str(told.value)
    assert "applied" not in str(told.value)
