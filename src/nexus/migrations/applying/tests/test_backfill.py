from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from nexus_kit.testing.servers import PG_BIN

from nexus.migrations.applying.settings import Settings, Told
from nexus.migrations.applying.tests.backfilling import EAGER, begin, counts, database, dsn_of
from nexus.migrations.errors import MigrationBlocked, MigrationFailed, MigrationUnreadable
from nexus.migrations.statements import statements


@pytest_asyncio.fixture(loop_scope="session")
async def db(pg: Any) -> AsyncIterator[Any]:
    async with database(pg) as connection:
        yield connection


@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE t (id int PRIMARY KEY, n int);"
        "INSERT INTO t SELECT i, 0 FROM generate_series(1, 5000) i",
        "CREATE TABLE t (a text, b int, c timestamptz, n int, PRIMARY KEY (b, a, c));"
        r"INSERT INTO t SELECT E'it''s \\ ' || i % 7, i % 3, '2026-01-01 00:00-03'::timestamptz + i *"
        " interval '1.000001 s', 0 FROM generate_series(1, 5000) i",
        "CREATE TABLE t (id uuid DEFAULT gen_random_uuid() UNIQUE NOT NULL, n int);"
        "INSERT INTO t (n) SELECT 0 FROM generate_series(1, 5000)",
        "CREATE TABLE t (a int UNIQUE, id char(8) PRIMARY KEY, n int);"
        "INSERT INTO t SELECT NULL, i, 0 FROM generate_series(1, 5000) i",
        "CREATE TABLE t (id int, at date, n int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
        "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');"
        "CREATE TABLE t_2 PARTITION OF t DEFAULT;"
        "INSERT INTO t SELECT i, '2026-01-01'::date + i % 60, 0 FROM generate_series(1, 5000) i",
    ],
    ids=["key", "composite key of texts and times", "unique and not null", "char and a null", "partitions"],
)
async def test_every_row_is_taken_exactly_once(pg: Any, db: Any, table: str) -> None:
    await db.execute(table)
    backfill = await begin(pg, db, "UPDATE t SET n = n + 1")
    assert await backfill.run() == 5000
    assert await counts(db) == {1: 5000}
    assert len([each for each in backfill.told if each.kind == "batch"]) > 3
    assert await backfill.run() == 5000, "what is over is not done again"
    assert await counts(db) == {1: 5000}


async def test_the_share_is_of_the_rows_of_all_partitions(pg: Any, db: Any) -> None:
    await db.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);"
        "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (1) TO (1000);"
        "CREATE TABLE t_2 PARTITION OF t DEFAULT;"
        "INSERT INTO t SELECT i, 0 FROM generate_series(1, 2000) i; ANALYZE t"
    )
    backfill = await begin(pg, db, "UPDATE t SET n = n + 1")
    half: list[float] = []

    def note(told: Told) -> None:
        if told.kind == "batch" and told.detail["rows"] < 2000:
            half.append(told.detail["share"] - told.detail["rows"] / 2000)

    assert await backfill.run(tell=note) == 2000
    assert half
    assert max(map(abs, half)) < 0.001


@pytest.mark.parametrize("partitioned", [False, True])
async def test_a_table_without_a_key_is_gone_over_until_nothing_is_left(
    pg: Any, db: Any, partitioned: bool
) -> None:
    await db.execute(
        "CREATE TABLE t (a int UNIQUE, n int) PARTITION BY HASH (a);"
        "CREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE t_1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        if partitioned
        else "CREATE TABLE t (a int UNIQUE, n int);"
    )
    await db.execute("INSERT INTO t SELECT NULLIF(i % 5000, 0), 0 FROM generate_series(1, 5000) i")
    backfill = await begin(pg, db, "UPDATE t SET n = n + 1 WHERE n = 0")
    assert await backfill.run() == 5000
    assert await counts(db) == {1: 5000}
    assert backfill.sentences("progress")[-1].endswith("nothing is left that it takes")
    delete = await begin(pg, db, "DELETE FROM t")
    assert (await delete.run(), await counts(db)) == (5000, {})


async def test_without_a_key_what_cannot_tell_done_rows_apart_is_refused(pg: Any, db: Any) -> None:
    await db.execute("CREATE TABLE t (n int); CREATE TABLE b (n int); INSERT INTO t VALUES (0), (1)")
    for sql, why in (
        ("UPDATE t SET n = n + 1", "give it a primary key, or a WHERE that leaves out rows that are done"),
        ("INSERT INTO b SELECT n FROM t", "write ON CONFLICT DO NOTHING"),
        ("INSERT INTO b SELECT n FROM t ON CONFLICT DO NOTHING", 'a unique index of "b"'),
    ):
        with pytest.raises(MigrationUnreadable, match=why):
            await (await begin(pg, db, sql)).run()
    with pytest.raises(MigrationFailed, match="its WHERE would take 2 of 2 rows again"):
        await (await begin(pg, db, "UPDATE t SET n = n + 1 WHERE n < 5")).run()
    assert await counts(db) == {0: 1, 1: 1}


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("INSERT INTO b SELECT max(id) FROM t", r"its max\(\) looks at all rows"),
        ("INSERT INTO t_part SELECT id + 9 FROM t", "it would never end"),
        ("INSERT INTO b SELECT id FROM v", '"v" is a view'),
        ("UPDATE v SET id = 1 WHERE id = 2", '"v" is a view'),
        ("UPDATE t SET id = id + 10", "not set by it"),
    ],
)
async def test_what_only_the_catalogue_shows_is_refused(pg: Any, db: Any, sql: str, why: str) -> None:
    await db.execute(
        "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE t_part () INHERITS (t); CREATE TABLE b (id int);"
        "CREATE VIEW v AS SELECT * FROM t; INSERT INTO t VALUES (1)"
    )
    with pytest.raises(MigrationUnreadable, match=why):
        await (await begin(pg, db, sql)).run()
    assert await db.fetchval("SELECT sum(id) FROM t") == 1


async def test_rows_are_inserted_from_a_table_once(pg: Any, db: Any) -> None:
    await db.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE o (id int PRIMARY KEY, x text);"
        "CREATE TABLE b (id int, x text);"
        "INSERT INTO t SELECT i, i % 2 FROM generate_series(1, 3000) i;"
        "INSERT INTO o SELECT i, 'x' || i FROM generate_series(1, 3000, 3) i"
    )
    sql = "INSERT INTO b (id, x) SELECT t.id, o.x FROM t LEFT JOIN o ON o.id = t.id WHERE t.n = 0 OR false"
    assert await (await begin(pg, db, sql)).run() == 1500
    missing = f"({sql.partition(') ')[2]}) EXCEPT ALL SELECT id, x FROM b"
    assert await db.fetch(missing) == []
    assert await db.fetchval("SELECT count(*) FROM b") == 1500


async def test_a_join_and_a_delete_go_over_their_own_table(pg: Any, db: Any) -> None:
    await db.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE o (id int PRIMARY KEY, n int);"
        "INSERT INTO t SELECT i, NULL FROM generate_series(1, 3000) i;"
        "INSERT INTO o SELECT i, i % 2 FROM generate_series(1, 3000) i"
    )
    update = await begin(
        pg,
        db,
        "WITH w AS (SELECT * FROM o)\nUPDATE t AS u SET n = w.n FROM w WHERE w.id = u.id AND u.n IS NULL",
    )
    assert await update.run() == 3000
    assert update.sentences("progress")[-1].endswith("nothing is left that it takes")
    delete = await begin(pg, db, "DELETE FROM t USING o WHERE o.id = t.id AND o.n = 1")
    assert await delete.run() == 1500
    assert await counts(db) == {0: 1500}


async def test_no_rows_are_no_trouble(pg: Any, db: Any) -> None:
    await db.execute("CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE k (n int)")
    for sql in ("UPDATE t SET n = n + 1", "UPDATE k SET n = 1 WHERE n IS NULL", "DELETE FROM t WHERE n = 1"):
        backfill = await begin(pg, db, sql)
        assert await backfill.run() == 0
        assert [each.detail["share"] for each in backfill.told if each.kind == "batch"] == [1.0]


async def test_rows_that_come_meanwhile_are_taken(pg: Any, db: Any) -> None:
    await db.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int);"
        "INSERT INTO t SELECT i, NULL FROM generate_series(1, 999) i"
    )
    backfill = await begin(pg, db, "UPDATE t SET n = 1 WHERE n IS NULL")
    written: list[bool] = []

    def write(told: Told) -> None:
        if told.kind == "batch" and not written:
            insert = "INSERT INTO shop.t VALUES (-5), (5000)"
            subprocess.run([PG_BIN / "psql", backfill.dsn, "-qc", insert], check=True)
            written.append(True)

    assert await backfill.run(tell=write) == 1001
    assert await counts(db) == {1: 1001}


CHILD = """
import asyncio, json, sys
from nexus.migrations.applying.tests.backfilling import Backfill, Migration

def tell(told):
    print(told.kind, flush=True)

dsn, run, name, sql, checksum = json.loads(sys.argv[1])
asyncio.run(Backfill(dsn, run, Migration(name, sql, checksum)).run(tell=tell))
"""


@pytest.mark.parametrize("after", [1, 3, 17])
async def test_a_killed_backfill_goes_on_and_repeats_nothing(pg: Any, db: Any, after: int) -> None:
    await db.execute(
        "CREATE TABLE t (a int, b int, n int, PRIMARY KEY (a, b));"
        "INSERT INTO t SELECT i % 50, i, 0 FROM generate_series(1, 20000) i"
    )
    backfill = await begin(pg, db, "UPDATE t SET n = n + 1")
    migration = backfill.migration
    told = json.dumps([backfill.dsn, backfill.id, migration.name, migration.sql, migration.checksum])
    with subprocess.Popen([sys.executable, "-c", CHILD, told], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        batches = (line for line in child.stdout if line == "batch\n")
        for _ in range(after):
            next(batches)
        child.kill()
    assert child.returncode == -9
    assert await backfill.run() == 20000
    assert await counts(db) == {1: 20000}
    assert backfill.told[0].kind == "resumed"


async def test_a_row_that_somebody_holds_is_waited_for_by_name_and_nothing_is_repeated(
    pg: Any, db: Any
) -> None:
    await db.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int);INSERT INTO t SELECT i, 0 FROM generate_series(1, 2000) i"
    )
    holder = await asyncpg.connect(dsn_of(pg, db), server_settings={"application_name": "till"})
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("UPDATE shop.t SET n = n + 10 WHERE id = 700")
    backfill = await begin(pg, db, "UPDATE t SET n = n + 1")
    waits: list[Told] = []
    ends: list[asyncio.Task[Any]] = []

    def let_go(told: Told) -> None:
        if told.kind == "waiting" and told.detail["blockers"]:
            waits.append(told)
            if len(waits) == 2:
                ends.append(asyncio.ensure_future(transaction.commit()))

    quick = Settings(lock_timeout=0.05, throttle=EAGER.throttle)
    assert await backfill.run(quick, let_go) == 2000
    await asyncio.gather(*ends)
    assert "till" in waits[0].sentence
    assert await counts(db) == {1: 1999, 11: 1}
    await holder.close()


async def test_patience_ends_and_what_is_done_stays(pg: Any, db: Any) -> None:
    await db.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int);INSERT INTO t SELECT i, 0 FROM generate_series(1, 2000) i"
    )
    holder = await asyncpg.connect(dsn_of(pg, db))
    async with holder.transaction():
        await holder.execute("SELECT FROM shop.t WHERE id = 1500 FOR UPDATE")
        backfill = await begin(pg, db, "UPDATE t SET n = n + 1")
        with pytest.raises(MigrationBlocked, match="idle in transaction"):
            await backfill.run(Settings(lock_timeout=0.2, patience=1, throttle=EAGER.throttle))
        done = (await counts(db))[1]
        assert 1000 <= done < 1500
    assert await backfill.run() == 2000
    assert await counts(db) == {1: 2000}
    await holder.close()


async def test_a_row_that_is_refused_leaves_the_rows_before_it_done(pg: Any, db: Any) -> None:
    await db.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int);"
        "INSERT INTO t SELECT i, CASE i WHEN 1500 THEN 9 ELSE 0 END FROM generate_series(1, 2000) i;"
        "ALTER TABLE t ADD CHECK (n < 10)"
    )
    backfill = await begin(pg, db, "UPDATE t SET n = n + 1")
    with pytest.raises(asyncpg.CheckViolationError, match="Before that it wrote ") as refused:
        await backfill.run()
    done = (await counts(db))[1]
    assert f"Before that it wrote {done} rows in " in str(refused.value)
    assert 1000 <= done < 1500
    await db.execute("UPDATE t SET n = 0 WHERE id = 1500")
    assert await backfill.run() == 2000
    assert await counts(db) == {1: 2000}


async def test_an_error_in_the_statement_tells_its_own_position(pg: Any, db: Any) -> None:
    await db.execute("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1)")
    backfill = await begin(pg, db, "UPDATE t SET n = 1\nWHERE n = 1\n  AND absent IS NULL")
    with pytest.raises(asyncpg.UndefinedColumnError) as refused:
        await backfill.run()
    (statement,) = statements(backfill.migration)
    before = statement.sql[: int(refused.value.position or 0) - 1]
    assert statement.line + before.count("\n") == 4
