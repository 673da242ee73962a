"""Ends that are not the script's fault: the server, the disk, an operator, a cancelled task."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from nexus.migrations.applying.tests.shop import Shop, until
from nexus.migrations.errors import MigrationFailed
from nexus.migrations.roles import provision_checker

FULL = "DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;"
SLEEPS = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"


async def test_a_full_disk_leaves_nothing_that_must_be_resolved(shop: Shop) -> None:
    shop.write("1_full", f"CREATE TABLE a (i int);\n{FULL}")
    with pytest.raises(MigrationFailed, match=r"was stopped: 53100 no space left \(line 2\).*Make room"):
        await shop.apply()
    assert await shop.rows() == []
    assert await shop.value("SELECT count(*) FROM nexus.migration_run") == 0


async def test_half_way_outside_a_transaction_it_stays_ours_and_goes_on(shop: Shop) -> None:
    path = shop.write("1_full", f"-- nexus: transaction=none\nCREATE TABLE a (i int);\n{FULL}\nSELECT 1;")
    with pytest.raises(MigrationFailed, match="It goes on where it is: done: line 2; not begun: lines 3, 4"):
        await shop.apply()
    assert await shop.rows() == [("1_full", "running")]
    path.write_text(path.read_text().replace(FULL, "CREATE TABLE b (i int);"))
    assert await shop.apply() == ("1_full",)
    assert await shop.rows() == [("1_full", "rolled back"), ("1_full", "applied")]
    assert await shop.value("SELECT count(*) FROM pg_tables WHERE tablename IN ('a', 'b')") == 2


async def test_a_backend_that_is_ended_is_told_and_the_next_call_goes_on(shop: Shop) -> None:
    path = shop.write("1_slow", "CREATE TABLE a (i int);\nSELECT pg_sleep(600);")
    applying = asyncio.create_task(shop.apply())
    ((pid,),) = await until(lambda: shop.fetch(SLEEPS))
    await shop.fetch("SELECT pg_terminate_backend($1)", pid)
    with pytest.raises(MigrationFailed, match=r"lost while migration 1_slow ran: 08003 .*administrator"):
        await applying
    assert await shop.rows() == [("1_slow", "running")]
    shop.told.clear()
    assert await shop.apply(names=[]) == ()
    path.write_text("CREATE TABLE a (i int);")
    assert await shop.apply() == ("1_slow",)


async def test_a_cancelled_call_ends_its_statement(shop: Shop) -> None:
    path = shop.write("1_slow", "CREATE TABLE a (i int);\nSELECT pg_sleep(600);")
    applying = asyncio.create_task(shop.apply())
    await until(lambda: shop.fetch(SLEEPS))
    applying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await applying

    async def ended() -> bool:
        return await shop.fetch(SLEEPS) == []

    await until(ended)
    path.write_text("CREATE TABLE a (i int);")
    assert await shop.apply(turn=20.0) == ("1_slow",)


async def test_who_checks_may_read_how_far_migrations_have_come(pg: Any, shop: Shop) -> None:
    shop.write("1_items", "CREATE TABLE items (i int);")
    await shop.apply()
    await shop.run(provision_checker("check"))
    checker = await asyncpg.connect(pg.dsn("nexus_check", shop.dsn.rpartition("/")[2], "check"))
    try:
        assert await checker.fetchval("SELECT outcome FROM nexus.migration_run") == "applied"
    finally:
        await checker.close()
