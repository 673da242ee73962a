from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from nexus.migrations.applying.progress import Progress, read_progress, telling_progress
from nexus.migrations.applying.session import open_session
from nexus.migrations.applying.settings import Settings, Told
from nexus.migrations.applying.tests.backfilling import SHOP, database, dsn_of
from nexus.migrations.applying.watch import Watch


@pytest.mark.parametrize(
    ("progress", "sentence"),
    [
        (Progress("vacuum", "items", "scanning heap", 0.4, None), "vacuum on items: scanning heap, 40 %"),
        (
            Progress("create index", "items", "initializing", None, None),
            "create index on items: initializing",
        ),
        (Progress("copy from", "items", "", 0.051, 7), "copy from on items, 5 %"),
    ],
)
def test_progress_in_a_sentence(progress: Progress, sentence: str) -> None:
    assert progress.sentence == sentence


async def test_rows_that_are_copied_are_counted(pg: Any) -> None:
    async with database(pg) as db:
        await db.execute("CREATE TABLE items (id int)")
        worker = await asyncpg.connect(dsn_of(pg, db))
        sent, more = asyncio.Event(), asyncio.Event()

        async def rows() -> AsyncIterator[bytes]:
            yield b"1\n" * 500_000
            sent.set()
            await more.wait()

        copying = asyncio.create_task(worker.copy_to_table("items", schema_name="shop", source=rows()))
        await sent.wait()
        await db.execute("RESET ROLE")
        pid = worker.get_server_pid()
        while (progress := await read_progress(db, pid)) is None or not progress.rows:
            assert not copying.done()
        assert (progress.what, progress.relation) == ("copy from", "items")
        more.set()
        await copying
        assert await read_progress(db, pid) is None
        await worker.close()


@pytest.mark.parametrize("gives_way", [True, False])
async def test_a_statement_of_which_postgresql_tells_nothing_tells_its_time_and_whom_it_waits_for(
    pg: Any, gives_way: bool
) -> None:
    told: asyncio.Queue[Told] = asyncio.Queue()
    async with database(pg) as db, open_session(dsn_of(pg, db), SHOP, Settings(), told.put_nowait) as session:
        await db.execute("SELECT pg_advisory_lock(5)")
        watch = Watch(session, gives_way)
        watch.at(7, "SELECT pg_advisory_lock(5)")
        async with telling_progress(session, watch, every=0.01):
            waiting = asyncio.create_task(session.connection.execute(watch.head))
            event = await told.get()
            while event.kind == "progress" and not gives_way:
                event = await told.get()
            await db.execute("SELECT pg_advisory_unlock(5)")
            await waiting
    assert event.line == 7
    if gives_way:
        assert (event.kind, event.detail["share"]) == ("progress", None)
        assert event.sentence.startswith("goes on since 0.")
    else:
        assert event.sentence.startswith("waits: pid ")


async def test_an_index_that_waits_tells_for_how_many(pg: Any) -> None:
    async with database(pg) as db:
        await db.execute("CREATE TABLE items (id int)")
        holder, worker = await asyncpg.connect(dsn_of(pg, db)), await asyncpg.connect(dsn_of(pg, db))
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("INSERT INTO shop.items VALUES (1)")
        building = asyncio.create_task(worker.execute("CREATE INDEX CONCURRENTLY ON shop.items (id)"))
        await db.execute("RESET ROLE")
        pid = worker.get_server_pid()
        while (progress := await read_progress(db, pid)) is None or progress.share is None:
            assert not building.done()
        assert progress == Progress(
            "create index concurrently", "items", "waiting for writers before build", 0.0, None
        )
        await transaction.rollback()
        await building
        await holder.close()
        await worker.close()
