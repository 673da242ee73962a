"""A module's own tool runs once for each state of its folder, in turn, with its owner's rights."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from nexus.migrations.commands import Ended, digest_of, name_of, run
from nexus.migrations.commands.state import RIGHTS
from nexus.migrations.commands.tests.tool_shop import SCHEMA, SETTINGS, Shop
from nexus.migrations.errors import MigrationBlocked, MigrationFailed, MigrationUnreadable

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_tool_runs_once_for_each_state_of_its_folder_and_its_tables_are_the_owners(
    shop: Shop,
) -> None:
    first = name_of(digest_of(shop.source))
    assert await shop.pending() == (first,)
    assert await shop.run() == (first,)
    assert await shop.pending() == ()
    assert await shop.run() == ()
    assert shop.begun == [first]
    owners = await shop.fetch("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = $1", SCHEMA)
    assert sorted(owners) == [("items", "shop_owner"), ("version", "shop_owner")]
    shop.version("2.sql", "ALTER TABLE items ADD COLUMN name text")
    assert await shop.pending() == (name_of(digest_of(shop.source)),) != (first,)
    await shop.run()
    assert await shop.fetch("SELECT name FROM shop.version ORDER BY 1") == [("1.sql",), ("2.sql",)]
    assert await shop.outcomes() == ["applied", "applied"]
    ((point,),) = await shop.fetch(
        "SELECT restore_point FROM nexus.migration_run WHERE migration = $1", first
    )
    assert point.startswith("nexus-shop-command-")
    assert not (shop.folder / "migrations_url").exists()


async def test_the_owners_rights_are_given_while_it_runs_and_no_longer(shop: Shop) -> None:
    shop.version("2.sql", "SELECT pg_sleep(0); DO $$ BEGIN ASSERT current_user = 'shop_owner'; END $$")
    await shop.run()
    connection = await asyncpg.connect(shop.own)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("SET ROLE shop_owner")
    await connection.close()


async def test_a_failure_tells_the_last_lines_and_is_tried_anew_next_time(shop: Shop) -> None:
    shop.version("2.sql", "ALTER TABLE nowhere ADD COLUMN a int")
    with pytest.raises(MigrationFailed) as caught:
        await shop.run()
    said = str(caught.value)
    assert "ended with exit code 1: applied 1.sql / 42P01 relation" in said
    assert "Nothing else was started" in said
    assert await shop.outcomes() == ["failed"]
    assert not await shop.fetch("SELECT FROM pg_auth_members WHERE member = 'shop'::regrole")
    shop.version("2.sql", "ALTER TABLE items ADD COLUMN a int")
    assert len(await shop.run()) == 1
    assert await shop.outcomes() == ["failed", "applied"]


async def test_a_lock_that_is_held_is_not_queued_for_and_the_tool_is_run_again(shop: Shop) -> None:
    await shop.run()
    shop.version("2.sql", "ALTER TABLE items ADD COLUMN a int")
    holder = await asyncpg.connect(shop.admin)
    await holder.execute("BEGIN; LOCK shop.items IN ACCESS SHARE MODE")
    running = asyncio.create_task(shop.run())
    while not any(told.kind == "waiting" for told in shop.told):
        await asyncio.wait({running}, timeout=0.02)
        assert not running.done()
    await holder.execute("ROLLBACK")
    assert len(await running) == 1
    await holder.execute("BEGIN; LOCK shop.items IN ACCESS SHARE MODE")
    shop.version("3.sql", "ALTER TABLE items ADD COLUMN b int")
    with pytest.raises(MigrationBlocked, match="got no lock"):
        await shop.run(replace(SETTINGS, patience=0.0))
    await holder.close()


async def test_one_run_of_a_schema_at_a_time_and_rights_of_a_killed_one_are_taken_back(shop: Shop) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(name: str, command: tuple[str, ...]) -> Ended:
        begun.set()
        await go_on.wait()
        return await shop.carry(name, command)

    first = asyncio.create_task(run(shop.admin, shop.source, SETTINGS, slow))
    await begun.wait()
    with pytest.raises(MigrationBlocked, match="another run of its own tool"):
        await shop.run()
    first.cancel()  # the loop that waits is gone; its task goes on, and needs its rights
    await asyncio.wait({first})
    assert await shop.fetch("SELECT FROM pg_auth_members WHERE member = 'shop'::regrole")
    assert await shop.pending() == (name_of(digest_of(shop.source)),)
    assert len(await shop.run()) == 1
    assert [told.kind for told in shop.told] == ["resumed", "finished"]
    assert await shop.outcomes() == ["applied"]
    await shop.fetch("GRANT shop_owner TO shop")
    assert await shop.pending() == (RIGHTS,)
    assert await shop.run() == ()
    assert await shop.pending() == ()


async def test_a_folder_that_is_not_there_is_told(shop: Shop) -> None:
    gone = replace(shop.source, folder=shop.folder / "nowhere")
    with pytest.raises(MigrationUnreadable, match="no such folder"):
        await run(shop.admin, gone, SETTINGS, shop.carry)
