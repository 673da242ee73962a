from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from nexus.migrations.apply import apply
from nexus.migrations.applying.settings import Settings, Told
from nexus.migrations.errors import HistoryBroken, MigrationBlocked, PlanRefused
from nexus.migrations.migration import Source
from nexus.migrations.shape import Shape, compare, drift, read_shape, undo, undo_plan
from nexus.migrations.shape.tests.expansions import FIRST, PROVABLE, REFUSED
from nexus.migrations.shape.tests.modules import bring_up, connected, erp, run, source_of, write


@pytest.fixture
def shop(tmp_path: Path) -> Source:
    write(tmp_path / "shop", "20260101000000_first", FIRST)
    return source_of("shop", tmp_path / "shop")


async def shape(dsn: str, schema: str = "shop") -> Shape:
    async with connected(dsn) as connection:
        return await read_shape(connection, [schema])


async def add(dsn: str, source: Source, sql: str, name: str = "20260102000000_second") -> None:
    write(source.folder, name, sql)
    assert await apply(dsn, source.schema, source.owner, source.folder, source.role) == [name]


@pytest.mark.parametrize("change", PROVABLE)
async def test_what_only_expanded_is_taken_back(make_database: Any, shop: Source, change: str) -> None:
    dsn = await make_database(shop)
    before = await shape(dsn)
    await add(dsn, shop, PROVABLE[change])
    changed = await shape(dsn)
    assert compare(changed, before), "the migration does something"
    plan = await undo(dsn, shop, "20260102000000_second")
    assert plan.statements
    assert compare(await shape(dsn), before) == ()
    assert [row["id"] for row in await run(dsn, "SELECT id FROM shop.items ORDER BY id")] == [1, 2]
    # It is pending again, and can be applied again.
    assert await apply(dsn, "shop", shop.owner, shop.folder) == ["20260102000000_second"]
    assert compare(await shape(dsn), changed) == ()


@pytest.mark.parametrize("change", REFUSED)
async def test_what_cannot_be_proven_is_refused(make_database: Any, shop: Source, change: str) -> None:
    dsn = await make_database(shop)
    sql, reason = REFUSED[change]
    await add(dsn, shop, sql)
    plan = await undo_plan(dsn, shop, "20260102000000_second")
    assert any(reason in each for each in plan.refusals), plan.refusals
    changed = await shape(dsn)
    with pytest.raises(PlanRefused, match="20260102000000_second is not taken back: "):
        await undo(dsn, shop, "20260102000000_second")
    assert compare(await shape(dsn), changed) == ()


async def test_data_that_would_be_lost_is_counted(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    await add(
        dsn,
        shop,
        "CREATE TABLE more (id int); ALTER TABLE items ADD COLUMN note text;"
        "ALTER TABLE items ADD COLUMN kind text NOT NULL DEFAULT 'plain';",
    )
    assert (await undo_plan(dsn, shop, "20260102000000_second")).refusals == ()
    await run(
        dsn,
        "INSERT INTO shop.more SELECT generate_series(1, 1234);"
        "UPDATE shop.items SET note = 'kept', kind = 'rare' WHERE id = 1",
    )
    plan = await undo_plan(dsn, shop, "20260102000000_second")
    assert sorted(each.partition(" would be lost")[0] for each in plan.refusals) == [
        "1 row where shop.items.kind is not 'plain'::text",
        "1 row where shop.items.note is filled",
        "1,234 rows in shop.more",
    ]
    assert all("restore point" in each for each in plan.refusals)


async def test_the_newest_goes_first_and_no_running_release_may_need_it(
    make_database: Any, shop: Source
) -> None:
    dsn = await make_database(shop)
    await add(dsn, shop, "CREATE TABLE more (id int);")
    await add(dsn, shop, "CREATE TABLE most (id int);", "20260103000000_third")
    plan = await undo_plan(dsn, shop, "20260102000000_second")
    assert plan.refusals == ("20260103000000_third came after it; take back the newest first",)
    needed = {"20260103000000_third": "shop 1.2.0"}
    plan = await undo_plan(dsn, shop, "20260103000000_third", needed)
    assert plan.refusals == ("shop 1.2.0 runs and needs it; roll that release back first",)
    await undo(dsn, shop, "20260103000000_third")
    await undo(dsn, shop, "20260102000000_second")
    with pytest.raises(HistoryBroken, match="20260102000000_second is not applied"):
        await undo(dsn, shop, "20260102000000_second")


async def test_what_other_modules_build_on_stays(make_database: Any, shop: Source, tmp_path: Path) -> None:
    dsn = await make_database(shop)
    await add(dsn, shop, "CREATE TABLE more (id int PRIMARY KEY); GRANT REFERENCES, SELECT ON more TO PUBLIC;"
              "GRANT USAGE ON SCHEMA shop TO PUBLIC;")  # fmt: skip
    write(
        tmp_path / "crm",
        "20260101000000_first",
        "-- nexus: depends=shop/20260102000000_second\nCREATE TABLE c (id int REFERENCES shop.more);",
    )
    crm = source_of("crm", tmp_path / "crm")
    await bring_up(dsn, crm)
    plan = await undo_plan(dsn, shop, "20260102000000_second", sources=[shop, crm])
    assert plan.refusals == ("crm/20260101000000_first is applied and depends on it",)
    write(crm.folder, "20260101000000_first", "CREATE TABLE c (id int REFERENCES shop.more);")
    await run(dsn, "UPDATE crm._prisma_migrations SET checksum = ''; TRUNCATE nexus.script")
    plan = await undo_plan(dsn, shop, "20260102000000_second", sources=[shop, crm])
    (refusal,) = plan.refusals
    assert refusal.startswith("without it the others cannot be applied: crm: migration 20260101000000_first")


async def test_a_drifted_table_is_left_alone(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    await add(dsn, shop, "ALTER TABLE items ADD COLUMN note text;")
    await run(dsn, "CREATE INDEX by_hand ON shop.items (note)")
    plan = await undo_plan(dsn, shop, "20260102000000_second")
    assert plan.refusals == (
        "index shop.items.by_hand is not what the migrations make of it; see nexus migrate drift shop",
    )


async def test_the_record_says_undone(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    await add(dsn, shop, "CREATE TABLE more (id int);")
    told: list[Told] = []
    await undo(dsn, shop, "20260102000000_second", tell=told.append)
    rows = await run(dsn, "SELECT migration_name AS name FROM shop._prisma_migrations")
    assert [row["name"] for row in rows] == ["20260101000000_first"]
    runs = await run(dsn, "SELECT migration, outcome FROM nexus.migration_run ORDER BY started_at")
    assert [tuple(row) for row in runs] == [
        ("20260101000000_first", "applied"),
        ("20260102000000_second", "undone"),
    ]
    assert told[0].kind == "restore-point"
    assert [(each.kind, each.sentence) for each in told[1:]] == [
        ("started", "is taken back"),
        ("statement", "DROP TABLE shop.more;"),
        ("finished", "taken back"),
    ]


async def test_a_lock_of_somebody_else_leaves_all_as_it_is(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    await add(dsn, shop, "ALTER TABLE items ADD COLUMN note text;")
    changed = await shape(dsn)
    async with connected(dsn) as other, other.transaction():
        await other.execute("LOCK TABLE shop.items IN ROW EXCLUSIVE MODE")
        with pytest.raises(MigrationBlocked):
            await undo(dsn, shop, "20260102000000_second", Settings(lock_timeout=0.05, patience=0.2))
    assert compare(await shape(dsn), changed) == ()
    await undo(dsn, shop, "20260102000000_second")


async def test_a_row_written_before_the_locks_are_had_is_not_lost(make_database: Any, shop: Source) -> None:
    dsn = await make_database(shop)
    await add(dsn, shop, "CREATE TABLE more (id int);")
    waiting = asyncio.Event()

    def tell(told: Told) -> None:
        if told.kind == "waiting":
            waiting.set()

    async with connected(dsn) as writer:
        await writer.execute("BEGIN; INSERT INTO shop.more VALUES (7)")
        undoing = asyncio.create_task(
            undo(dsn, shop, "20260102000000_second", Settings(lock_timeout=0.05), tell)
        )
        await asyncio.wait_for(waiting.wait(), 60)
        await writer.execute("COMMIT")
        with pytest.raises(PlanRefused, match=r"meanwhile 1 or more rows in shop\.more"):
            await undoing
    assert [row["id"] for row in await run(dsn, "SELECT id FROM shop.more")] == [7]


async def test_the_newest_of_the_erp_can_be_taken_back(make_database: Any) -> None:
    sources = erp()
    dsn = await make_database(*sources)
    inventory = next(each for each in sources if each.module == "inventory")
    plan = await undo(dsn, inventory, "20261125000000_demand_trace", sources=sources)
    assert plan.statements
    assert [
        each.partition(" ")[0] for each in plan.statements
    ] == ["ALTER"] * len(plan.statements)  # fmt: skip
    assert not any((await drift(dsn, sources)).values())


async def test_a_server_that_is_away_is_told(make_database: Any, shop: Source) -> None:
    dsn = await make_database()
    with pytest.raises((OSError, asyncpg.PostgresError)):
        await undo_plan(f"{dsn}_absent", shop, "20260101000000_first")
