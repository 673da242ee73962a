"""Replayed writes are real, keep their rhythm, and change nothing that the business asks about."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from nexus.migrations.effects.effect import Table
from nexus.migrations.rehearsing.load import CEILING, FLOOR, Load, never_written, rhythms
from nexus.migrations.rehearsing.rhythm import Measured, Rhythm, measured
from nexus.migrations.rehearsing.tests.living_shop import fetch, living_shop
from nexus.migrations.rehearsing.writer import Writer, writer_of

ITEMS, CUSTOMERS, LEDGER = Table("shop", "items"), Table("shop", "customers"), Table("shop", "ledger")
EMPTY, KEYLESS = Table("shop", "empty"), Table("shop", "keyless")
FAMILIES = """
CREATE TYPE shop.mood AS ENUM ('glad', 'sad');
CREATE TABLE shop.families (a uuid NOT NULL, b jsonb NOT NULL, c bytea NOT NULL, d date NOT NULL,
    e timestamptz NOT NULL, f time NOT NULL, g boolean NOT NULL, h numeric(5, 2) NOT NULL, i char(2) NOT NULL,
    j text[] NOT NULL, k inet NOT NULL, l interval NOT NULL, m shop.mood NOT NULL, n int DEFAULT 1 NOT NULL,
    o bigint GENERATED ALWAYS AS IDENTITY, p int GENERATED ALWAYS AS (n + 1) STORED NOT NULL);
CREATE TABLE shop.refusing (id int NOT NULL CHECK (id > 5));
"""
CANCEL = """
SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
    AND application_name = 'nexus rehearsal' AND wait_event_type = 'Lock'
"""
ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
WRITTEN = "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'items'"


@pytest_asyncio.fixture(loop_scope="session")
async def url(pg: Any) -> AsyncIterator[str]:
    async with living_shop(pg) as url:
        yield url


async def _writer(url: str, table: Table) -> Writer | None:
    connection = await asyncpg.connect(url)
    try:
        return await writer_of(connection, table)
    finally:
        await connection.close()


async def _until(load: Load, true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


async def test_each_kind_of_write_works_and_leaves_rows_as_they_are(url: str) -> None:
    asked = "SELECT array_agg(t::text ORDER BY t::text) FROM shop.customers t"
    before = await fetch(url, asked)
    writer = await _writer(url, CUSTOMERS)
    assert writer is not None
    assert writer.insert
    connection = await asyncpg.connect(url)
    for kind in ("update", "insert", "delete"):
        for _ in range(5):
            try:
                await writer.write(connection, kind, random.Random(3))
            except asyncpg.ForeignKeyViolationError:
                assert kind == "delete"  # one customer has items
    await connection.close()
    assert await fetch(url, asked) == before


async def test_what_a_table_refuses_is_not_done_and_said(url: str) -> None:
    writer = await _writer(url, LEDGER)  # a trigger refuses to change what is there
    assert writer is not None
    assert (writer.update, writer.delete) == ("", "")
    assert writer.insert
    assert writer.notes == ("shop.ledger: updates are not done: append only",)
    assert await _writer(url, Table("shop", "sealed")) is None
    writer = await _writer(url, ITEMS)
    assert writer is not None
    assert "GENERATED" not in writer.update
    assert writer.insert.startswith('INSERT INTO "shop"."items" (customer, quantity, note) SELECT')


async def test_tables_without_rows_or_keys_are_locked_and_written(url: str) -> None:
    empty, keyless = await _writer(url, EMPTY), await _writer(url, KEYLESS)
    assert empty is not None
    assert empty.notes == ("shop.empty has no row: each write is an insert",)
    assert empty.insert == 'INSERT INTO "shop"."empty" (id) VALUES (1)'
    assert keyless is not None
    assert "ctid" in keyless.update
    connection = await asyncpg.connect(url)
    for writer in (empty, keyless):
        await writer.write(connection, "update", random.Random(1))
    await connection.execute(FAMILIES)
    await connection.close()
    families = await _writer(url, Table("shop", "families"))
    assert families is not None
    assert families.insert.startswith('INSERT INTO "shop"."families" (')
    refusing = await _writer(url, Table("shop", "refusing"))
    assert refusing is not None
    assert refusing.insert == ""
    assert "nothing is written: new row for relation" in refusing.notes[0]
    assert (await fetch(url, "SELECT count(*) FROM shop.families"))[0][0] == 0
    assert await _writer(url, Table("shop", "nowhere")) is None


async def test_the_rhythm_of_the_living_database_is_measured(url: str) -> None:
    connection = await asyncpg.connect(url)
    task = asyncio.create_task(measured(url, ["shop"], 2.0))
    while not task.done():
        await connection.execute("UPDATE shop.items SET note = note WHERE id = 1")
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await asyncio.sleep(0.02)
    await connection.close()
    found = await task
    assert found.tables[ITEMS].updates > 1
    assert found.tables[ITEMS].inserts == 0
    assert found.source == "measured for 2 s"


async def test_where_nothing_is_written_now_the_past_tells(url: str) -> None:
    await fetch(url, "SELECT pg_stat_force_next_flush()")
    found = await measured(url, ["shop"], 0.1)
    assert found.tables[ITEMS].inserts > 0
    assert "nothing was written" in found.source


def test_tables_of_the_plan_meet_writers_and_the_whole_has_a_limit() -> None:
    known = Measured({CUSTOMERS: Rhythm(updates=4000.0)}, "")
    found = rhythms(known, {ITEMS, EMPTY})
    assert found.keys() == {ITEMS, EMPTY, CUSTOMERS}
    assert sum(each.total for each in found.values()) == pytest.approx(CEILING)
    quiet = rhythms(Measured({}, ""), {ITEMS, EMPTY})
    assert sum(each.total for each in quiet.values()) == pytest.approx(FLOOR)
    assert rhythms(Measured({}, ""), {ITEMS}, 2.0)[ITEMS].total == pytest.approx(2 * FLOOR)


async def test_a_lock_is_felt_by_all_who_come_meanwhile(url: str) -> None:
    holder = await asyncpg.connect(url)
    async with Load(url, {ITEMS: Rhythm(updates=50.0)}, "test") as load:
        await _until(load, lambda: len(load.writes) > 5)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        async with holder.transaction():
            await holder.execute("LOCK TABLE shop.items")
            held = await fetch(url, "SELECT pg_sleep(0.6)")
        end = loop.time()
        await _until(load, lambda: any(write.due > end for write in load.writes))
    await holder.close()
    assert held
    slow = [w for w in load.writes if w.due < end and w.ended > begin and w.seconds > 0.1]
    assert len(slow) > 5  # not only the two that held the connections
    assert max(write.seconds for write in slow) > 0.5
    seen = load.seen()
    assert seen.failed == 0
    assert seen.tables == ("shop.items",)


async def test_the_load_goes_on_when_columns_and_tables_go(url: str) -> None:
    changer = await asyncpg.connect(url)
    rhythm = {ITEMS: Rhythm(inserts=20.0, updates=20.0), EMPTY: Rhythm(updates=40.0)}
    async with Load(url, rhythm, "test") as load:
        await _until(load, lambda: len(load.writes) > 5)
        await changer.execute("ALTER TABLE shop.items RENAME COLUMN note TO remark; DROP TABLE shop.empty")
        now = asyncio.get_running_loop().time()
        await _until(load, lambda: any(w.error and w.table == ITEMS for w in load.writes))
        await _until(load, lambda: any("shop.empty was gone" in note for note in load.seen().notes))
        await _until(load, lambda: any(w.due > now and w.table == ITEMS and not w.error for w in load.writes))
    await changer.close()
    broken = [write for write in load.writes if write.error]
    assert {write.table for write in broken} == {ITEMS, EMPTY}
    assert all(write.outdated for write in broken)
    assert 'column "note" ' in {write.table: write.error for write in broken}[ITEMS]
    assert load.troubles() == ()


async def test_what_a_table_refuses_is_done_as_an_update(url: str) -> None:
    changer = await asyncpg.connect(url)
    await changer.execute("ALTER TABLE shop.customers ADD CHECK (id IS NOT NULL AND length(email) < 20)")
    await changer.close()
    async with Load(url, {CUSTOMERS: Rhythm(inserts=50.0)}, "test") as load:
        await _until(load, lambda: len(load.writes) > 5)
    assert "inserts are done as updates: new row" in load.seen().notes[0]
    assert load.seen().failed == 0


async def test_a_writer_that_waits_while_it_looks_anew_goes_on_writing(url: str) -> None:
    changer, holder = await asyncpg.connect(url), await asyncpg.connect(url)
    async with Load(url, {ITEMS: Rhythm(inserts=40.0)}, "test") as load:
        await _until(load, lambda: len(load.writes) > 5)
        await changer.execute("ALTER TABLE shop.items RENAME COLUMN note TO remark")
        async with holder.transaction():
            await holder.execute("LOCK TABLE shop.items")
            await fetch(url, CANCEL)
        now = asyncio.get_running_loop().time()
        await _until(load, lambda: any(w.due > now and not w.error for w in load.writes))
    await changer.close()
    await holder.close()
    assert load.troubles() == ()


async def test_a_load_that_dies_is_told(url: str) -> None:
    name = (await fetch(url, "SELECT current_database()"))[0][0]
    admin = await asyncpg.connect(url.replace(f"/{name}", "/postgres"))
    async with Load(url, {ITEMS: Rhythm(updates=40.0)}, "test") as load:
        await _until(load, lambda: len(load.writes) > 5)
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute(ENDED, name)
        await _until(load, lambda: all(task.done() for task in load.workers))
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await admin.close()
    assert [each for each in load.troubles() if each.startswith("writing ended early: ")]


def test_tables_that_were_to_be_written_and_were_not_are_told() -> None:
    wanted = {ITEMS: Rhythm(updates=20.0), CUSTOMERS: Rhythm(updates=0.1)}
    assert never_written(wanted, {ITEMS}, 2.0) == ()
    assert never_written(wanted, (), 2.0) == (
        "shop.items was never written, though 20.0 writes a second were wanted",
    )
    assert never_written(wanted, (), 0.5) == ()  # it may be chance


async def test_writes_that_a_change_makes_impossible_are_failures(url: str) -> None:
    changer = await asyncpg.connect(url)
    async with Load(url, {ITEMS: Rhythm(inserts=40.0)}, "test") as load:
        await _until(load, lambda: len(load.writes) > 5)
        await changer.execute(
            "ALTER TABLE shop.items ADD COLUMN needed int; UPDATE shop.items SET needed = 1;"
        )
        await changer.execute("ALTER TABLE shop.items ALTER COLUMN needed SET NOT NULL")
        await _until(load, lambda: any(write.error for write in load.writes))
    await changer.close()
    assert "violates not-null constraint" in next(write.error for write in load.writes if write.error)
