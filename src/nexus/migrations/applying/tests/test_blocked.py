"""Locks of others, and others that wait: looked at in pg_stat_activity, not measured by the clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nexus.migrations.applying.settings import Told
from nexus.migrations.applying.tests.shop import Shop, until
from nexus.migrations.errors import MigrationBlocked

ITEMS = "CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);"
ADD = "-- adds\nALTER TABLE items ADD COLUMN price numeric;"


def told(shop: Shop, kind: str) -> list[Told]:
    """Of "waiting" only the tries that ended: progress tells of a long wait too."""
    return [each for each in shop.told if each.kind == kind and (kind != "waiting" or "tries" in each.detail)]


async def first(shop: Shop, kind: str) -> Told:
    async def seen() -> list[Told]:
        return told(shop, kind)

    found: list[Told] = await until(seen)
    return found[0]


async def test_who_blocks_is_named_and_nothing_is_left(shop: Shop) -> None:
    shop.write("1_items", ITEMS)
    await shop.apply()
    shop.write("2_price", ADD)
    async with shop.connection("till") as other:
        await other.execute("BEGIN; SELECT * FROM items")
        pid = other.get_server_pid()
        with pytest.raises(MigrationBlocked) as blocked:
            await shop.apply(patience=1.0)
        message = str(blocked.value)
        assert f"pid {pid} (till, user postgres, idle in transaction since " in message
        assert "BEGIN; SELECT * FROM items" in message
        assert f"SELECT pg_terminate_backend({pid})" in message
        assert "2_price/migration.sql:2 (ALTER TABLE items ADD COLUMN price numeric)" in message
        (blocker,) = told(shop, "waiting")[0].detail["blockers"]
        assert (blocker["pid"], blocker["application"], blocker["user"]) == (pid, "till", "postgres")
    assert await shop.rows() == [("1_items", "applied")]
    assert await shop.value("SELECT count(*) FROM nexus.migration_run") == 1
    assert await shop.apply() == ("2_price",)


async def test_nobody_queues_behind_a_migration_that_waits(shop: Shop) -> None:
    """While somebody's transaction keeps the lock, writers go on: none waits longer than lock_timeout."""
    shop.write("1_items", f"{ITEMS} INSERT INTO items VALUES (1);")
    await shop.apply()
    shop.write("2_price", ADD)
    async with shop.connection() as other, shop.connection() as writer:
        await other.execute("BEGIN; SELECT * FROM items")
        applying = asyncio.create_task(shop.apply())
        await first(shop, "waiting")
        await writer.execute("SET lock_timeout = '2s'")  # would fail behind a queued ALTER TABLE
        while len(told(shop, "waiting")) < 3:
            await writer.execute("UPDATE items SET n = n + 1")
        assert not applying.done()
        await other.execute("COMMIT")
        assert await applying == ("2_price",)
    assert await shop.value("SELECT count(*) FROM items WHERE price IS NULL AND n > 0") == 1


async def test_it_goes_on_as_soon_as_the_blocker_has_ended(shop: Shop) -> None:
    shop.write("1_items", ITEMS)
    await shop.apply()
    shop.write("2_price", ADD)
    async with shop.connection() as other:
        await other.execute("BEGIN; SELECT * FROM items")
        applying = asyncio.create_task(shop.apply(lock_timeout=0.02))

        async def long_pause() -> bool:
            return any(each.detail["pause"] > 2 for each in told(shop, "waiting"))

        await until(long_pause)
        tries = len(told(shop, "waiting"))
        await other.execute("ROLLBACK")
        assert await applying == ("2_price",)
    assert len(told(shop, "waiting")) == tries


REWRITE = (
    "CREATE FUNCTION slow(int) RETURNS bigint LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM pg_sleep(0.05); RETURN $1; END $$;\n"
    "ALTER TABLE items ALTER n TYPE bigint USING slow(n);"
)


async def written(shop: Shop, stop: asyncio.Event, patience: str = "2s") -> int:
    """Write until `stop`; a write that waits for longer than `patience` fails."""
    done = 0
    async with shop.connection("writer") as writer:
        await writer.execute(f"SET lock_timeout = '{patience}'")
        while not stop.is_set():
            await writer.execute("UPDATE items SET n = n + 1 WHERE id = $1", done % 30 + 1)
            done += 1
    return done


async def test_a_rewrite_gives_way_to_writers(shop: Shop) -> None:
    """400 rows of 50 ms would stop writers for 20 s."""
    shop.write("1_items", f"{ITEMS} INSERT INTO items SELECT generate_series(1, 400);")
    await shop.apply()
    shop.write("2_rewrite", REWRITE)
    stop = asyncio.Event()
    writing = asyncio.create_task(written(shop, stop))
    with pytest.raises(MigrationBlocked) as blocked:
        await shop.apply(patience=2.0)
    stop.set()
    assert await writing > 0
    message = str(blocked.value)
    assert "2_rewrite/migration.sql:2 (ALTER TABLE items ALTER n TYPE bigint" in message
    assert "held shop.items until 1 session had waited 0." in message
    assert "may-block=30s" in message
    gave_way = told(shop, "gave-way")[0]
    assert (gave_way.line, gave_way.detail["table"]) == (2, "shop.items")
    assert gave_way.detail["waiters"][0]["application"] == "writer"
    assert await shop.rows() == [("1_items", "applied")]
    assert await shop.fetch("SELECT FROM pg_proc WHERE proname = 'slow'") == []


async def test_who_writes_many_rows_at_once_is_told_to_write_batches(shop: Shop) -> None:
    shop.write("1_items", f"{ITEMS} INSERT INTO items SELECT generate_series(1, 400);")
    await shop.apply()
    shop.write("2_rows", REWRITE.partition("\n")[0] + "\nUPDATE items SET n = slow(n);")
    stop = asyncio.Event()
    writing = asyncio.create_task(written(shop, stop))
    with pytest.raises(MigrationBlocked, match=r"held rows that they wait for until 1 session .*batch=5000"):
        await shop.apply(patience=1.0)
    stop.set()
    assert await writing > 0


async def test_a_migration_may_say_that_it_may_block(shop: Shop) -> None:
    shop.write("1_items", f"{ITEMS} INSERT INTO items SELECT generate_series(1, 30);")
    await shop.apply()
    shop.write("2_rewrite", f"-- nexus: may-block=1m\n{REWRITE}")
    stop = asyncio.Event()
    writing = asyncio.create_task(written(shop, stop, "60s"))
    await shop.apply()
    stop.set()
    await writing
    assert told(shop, "gave-way") == []


async def test_a_deadlock_is_tried_again(shop: Shop) -> None:
    shop.write("1_two", "CREATE TABLE a (i int); CREATE TABLE b (i int);")
    await shop.apply()
    shop.write("2_both", "LOCK TABLE a;\nALTER TABLE b ADD COLUMN j int;")
    async with shop.connection() as other:
        await other.execute("SET deadlock_timeout = '60s'; BEGIN; LOCK TABLE b")
        applying = asyncio.create_task(shop.apply(lock_timeout=4.0, max_block=60.0))

        async def waits() -> Any:
            return await shop.value(
                "SELECT count(*) FROM pg_locks WHERE relation = 'b'::regclass AND NOT granted"
            )

        await until(waits)
        await other.execute("LOCK TABLE a; COMMIT")
        assert await applying == ("2_both",)
    assert ("40P01", 2) in [(each.detail["sqlstate"], each.line) for each in told(shop, "waiting")]


async def test_a_vacuum_that_postgresql_started_makes_way(shop: Shop) -> None:
    """It does so after deadlock_timeout only, which must be shorter than our waits."""
    shop.write("1_seen", "CREATE TABLE seen AS SELECT current_setting('deadlock_timeout') AS value;")
    await shop.apply(lock_timeout=0.2)
    assert await shop.value("SELECT value FROM seen") == "100ms"


async def test_the_turn_is_waited_for_and_its_holder_named(shop: Shop) -> None:
    shop.write("1_items", ITEMS)
    async with shop.connection() as other:
        await other.execute("SELECT pg_advisory_lock(72707369)")
        with pytest.raises(MigrationBlocked, match=f"session {other.get_server_pid()} "):
            await shop.apply(turn=0.2)
        applying = asyncio.create_task(shop.apply())

        async def connected() -> Any:
            return await shop.value(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'nexus migrate shop'"
            )

        await until(connected)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        assert await shop.value(waiting) == 0
        await other.execute("SELECT pg_advisory_unlock(72707369)")
        assert await applying == ("1_items",)
