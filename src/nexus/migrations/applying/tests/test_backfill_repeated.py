"""Backfills while others go on writing what they take, and those that may go over a table more than once."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from nexus_kit.testing.servers import PG_BIN

from nexus.migrations.applying.settings import Told
from nexus.migrations.applying.tests.backfilling import EAGER, Backfill, begin, database, dsn_of
from nexus.migrations.errors import MigrationBlocked, MigrationUnreadable

KEYED = "CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), m int, n int);"
ROWS = "INSERT INTO t (m) SELECT i FROM generate_series(1, 1000) i;"
LOWEST = (
    "INSERT INTO shop.t VALUES ("
    "('00000000-0000-0000-0000-' || lpad(nextval('shop.low')::text, 12, '0'))::uuid, 1)"
)


@pytest_asyncio.fixture(loop_scope="session")
async def db(pg: Any) -> AsyncIterator[Any]:
    async with database(pg) as connection:
        await connection.execute("CREATE SEQUENCE low")
        yield connection


def after_each_batch(backfill: Backfill, sql: str) -> Callable[[Told], None]:
    """Others who write behind the back of each batch."""

    def write(told: Told) -> None:
        if told.kind == "batch":
            subprocess.run([PG_BIN / "psql", backfill.dsn, "-qc", sql], check=True)

    return write


async def test_rows_that_others_go_on_writing_are_all_taken(pg: Any, db: Any) -> None:
    await db.execute(KEYED + ROWS)
    backfill = await begin(pg, db, "UPDATE t SET n = m WHERE n IS NULL")
    written = await backfill.run(tell=after_each_batch(backfill, LOWEST))
    assert await db.fetchval("SELECT count(*) FROM t WHERE n IS NULL") == 0
    assert written == await db.fetchval("SELECT count(*) FROM t") > 1000
    assert "while others could not write" in backfill.sentences("progress")[-1]


async def test_rows_that_others_go_on_writing_are_all_copied(pg: Any, db: Any) -> None:
    await db.execute(KEYED + ROWS + "CREATE TABLE b (m int, of uuid PRIMARY KEY)")
    backfill = await begin(pg, db, "INSERT INTO b SELECT m + 0, t.id FROM t ON CONFLICT DO NOTHING")
    await backfill.run(tell=after_each_batch(backfill, LOWEST))
    assert await db.fetchval("SELECT count(*) FROM t FULL JOIN b ON b.of = t.id WHERE t.m = b.m") == (
        await db.fetchval("SELECT count(*) FROM t")
    )


async def test_what_cannot_be_finished_says_so_and_is_finished_when_writers_write_the_new_form(
    pg: Any, db: Any
) -> None:
    await db.execute(KEYED + ROWS)
    backfill = await begin(pg, db, "UPDATE t SET n = m WHERE n IS NULL")
    other = await asyncpg.connect(dsn_of(pg, db))
    await other.execute("BEGIN; INSERT INTO shop.t (m, n) VALUES (0, 0)")
    with pytest.raises(MigrationBlocked, match="is not complete") as blocked:
        await backfill.run(replace(EAGER, patience=0.5), after_each_batch(backfill, LOWEST))
    last = next(each for each in reversed(backfill.told) if each.kind == "batch").detail
    assert f"rows in the last of {last['passes'] - 1} passes" in str(blocked.value)
    assert "a trigger BEFORE INSERT OR UPDATE" in str(blocked.value)
    await other.execute("ROLLBACK")
    await backfill.run()
    assert backfill.sentences("progress")[-1].endswith("nothing is left that it takes")
    assert await db.fetchval("SELECT count(*) FROM t WHERE n IS NULL") == 0
    await other.close()


async def test_a_table_without_a_key_is_copied_once(pg: Any, db: Any) -> None:
    await db.execute(
        "CREATE TABLE t (v int); INSERT INTO t SELECT generate_series(1, 1000);"
        "CREATE TABLE b (id bigserial PRIMARY KEY, v int); CREATE TABLE u (v int NOT NULL UNIQUE, w text);"
        "CREATE TABLE o (v int UNIQUE, w text)"
    )
    assert await (await begin(pg, db, "INSERT INTO u SELECT v FROM t ON CONFLICT DO NOTHING")).run() == 1000
    for sql in (
        "INSERT INTO b (v) SELECT v FROM t ON CONFLICT DO NOTHING",
        "INSERT INTO b SELECT nextval('low'), v FROM t ON CONFLICT DO NOTHING",
        "INSERT INTO o SELECT v FROM t ON CONFLICT DO NOTHING",  # rows of nulls are told apart by nothing
        "INSERT INTO u SELECT t.* FROM t ON CONFLICT DO NOTHING",
    ):
        with pytest.raises(MigrationUnreadable, match="columns of a unique index"):
            await (await begin(pg, db, sql)).run()
    assert await db.fetchval("SELECT count(*) FROM b") == 0
