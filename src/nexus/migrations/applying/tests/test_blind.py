"""When those who are in the way cannot be looked at, or followed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from nexus.migrations.applying import Settings, Told, apply_pending
from nexus.migrations.applying.backends import Backend
from nexus.migrations.applying.patience import stay_away
from nexus.migrations.applying.sending import run_together
from nexus.migrations.applying.session import open_session
from nexus.migrations.applying.tests.shop import EAGER, Shop, make_shop, until
from nexus.migrations.errors import MigrationBlocked, MigrationFailed

WATCHER = "SELECT pid FROM pg_stat_activity WHERE application_name = 'nexus migrate shop: watch'"
CLOSED = "postgresql://postgres@127.0.0.1:1/none"


async def test_nothing_is_begun_while_nobody_can_be_looked_at(shop: Shop) -> None:
    async with open_session(shop.dsn, shop.source, EAGER) as session:
        session.dsn = CLOSED
        with pytest.raises(MigrationFailed, match="was stopped: who waits for it could not be seen"):
            await session.ready_to_watch()
        await session.drop_watcher()
        with pytest.raises(MigrationFailed, match="was stopped: who waits"):
            await run_together(session, (), "SELECT 1")


async def test_a_watcher_that_is_cut_while_it_stays_away_stops_nothing(shop: Shop) -> None:
    shop.write("1_items", "CREATE TABLE items (i int);")
    await shop.apply()
    shop.write("2_more", "ALTER TABLE items ADD n int;")
    async with shop.connection() as holder:
        await holder.execute("BEGIN; SELECT * FROM items")
        applying = asyncio.create_task(shop.apply())

        async def stays_away() -> bool:
            return any(each.kind == "waiting" and each.detail.get("pause", 0) > 0.8 for each in shop.told)

        await until(stays_away)
        ((pid,),) = await shop.fetch(WATCHER)
        await shop.fetch("SELECT pg_terminate_backend($1)", pid)

        async def another() -> bool:
            return [each for (each,) in await shop.fetch(WATCHER)] not in ([], [pid])

        await until(another)
        assert not applying.done()
        await holder.execute("COMMIT")
        assert await applying == ("2_more",)


async def test_who_cannot_be_followed_is_stayed_away_from_for_the_whole_pause(shop: Shop) -> None:
    clock = asyncio.get_running_loop()
    async with open_session(shop.dsn, shop.source, Settings()) as session:
        began = clock.time()
        await stay_away(session, 0.25, (Backend(0, "till", "", "", 9.0, "", gid="pay'1"),))
        assert clock.time() - began >= 0.25


def test_a_prepared_transaction_is_named_with_what_ends_it() -> None:
    one = Backend(0, "till", "", "", 9.0, "", gid="pay'1")
    assert one.sentence == "the prepared transaction pay'1 (user till, since 9.0 s)"
    assert one.end == "ROLLBACK PREPARED 'pay''1'"
    assert (Backend(7, "", "", "", 0, "").end, Backend(0, "", "", "", 0, "").end) == (
        "SELECT pg_terminate_backend(7)",
        "",
    )


async def test_the_prepared_transaction_that_is_in_the_way_is_found(
    start_postgres: Callable[..., Any], tmp_path: Path
) -> None:
    server = start_postgres()
    admin = await asyncpg.connect(server.admin_dsn)
    await admin.execute("ALTER SYSTEM SET max_prepared_transactions = 5")
    await admin.close()
    server.stop()
    server.start()
    shop = await make_shop(server, tmp_path)
    shop.write("1_items", "CREATE TABLE items (i int);")
    await shop.apply()
    await shop.run("BEGIN; LOCK TABLE shop.items; PREPARE TRANSACTION 'pay-7'")
    shop.write("2_more", "ALTER TABLE items ADD n int;")
    with pytest.raises(
        MigrationBlocked, match=r"held by the prepared transaction pay-7 \(user postgres, "
    ) as it:
        await shop.apply(patience=0.5)
    assert str(it.value).endswith("or end them: ROLLBACK PREPARED 'pay-7'")
    await shop.run("ROLLBACK PREPARED 'pay-7'")
    assert await shop.apply() == ("2_more",)


async def test_whoever_is_told_cannot_stop_the_work(shop: Shop) -> None:
    def gone(told: Told) -> None:
        raise BrokenPipeError("nobody reads")

    shop.write("1_items", "CREATE TABLE items (i int);")
    assert await apply_pending(shop.dsn, shop.source, EAGER, gone) == ("1_items",)


async def test_a_transaction_that_only_reads_is_recorded_after_it(shop: Shop) -> None:
    shop.write("1_reads", "BEGIN READ ONLY;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSET TRANSACTION READ ONLY;\nEND;")
    assert await shop.apply() == ("1_reads",)
    assert await shop.value("SELECT count(*) FROM nexus.migration_step WHERE state = 'done'") == 6
