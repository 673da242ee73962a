from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from nexus_kit.testing.servers import PG_BIN

from nexus.migrations import owner_of, provision
from nexus.migrations.applying.concurrent import run_alone
from nexus.migrations.applying.session import open_session
from nexus.migrations.applying.settings import Settings, Told
from nexus.migrations.errors import MigrationBlocked
from nexus.migrations.journal import ensure_journal
from nexus.migrations.migration import Migration, Source
from nexus.migrations.statements import statements

SHOP = Source("shop", "shop", owner_of("shop"), "shop", Path())
PATIENT = Settings(lock_timeout=0.2, patience=60)
CONCURRENTLY = "CREATE INDEX CONCURRENTLY items_name ON items (lower(name) text_pattern_ops) WHERE name > ''"
_counter = itertools.count(1)


@dataclass
class Alone:
    """A statement that runs in no transaction, as often as it takes."""

    dsn: str
    sql: str
    told: list[Told] = field(default_factory=list)

    async def run(
        self, begun: bool = False, settings: Settings = PATIENT, tell: Callable[[Told], None] | None = None
    ) -> None:
        def hear(told: Told) -> None:
            self.told.append(told)
            if tell is not None:
                tell(told)

        async with open_session(self.dsn, SHOP, settings, hear) as session:
            session.migration = Migration("20260101000000_alone", self.sql, "0" * 64)
            (statement,) = statements(session.migration)
            try:
                await run_alone(session, "run", statement, begun)
            except BaseException:
                await session.roll_back()
                raise

    def sentences(self, kind: str) -> list[str]:
        return [each.sentence for each in self.told if each.kind == kind]


@dataclass
class Database:
    """A database: `connection` works as the shop's owner, `holder` keeps transactions open."""

    dsn: str
    connection: Any
    holder: Any

    async def hold(self) -> Any:
        """A transaction that has written `items`; who builds an index waits for its end."""
        transaction = self.holder.transaction()
        await transaction.start()
        await self.holder.execute("UPDATE shop.items SET name = name WHERE id = 1")
        return transaction

    async def interrupt(self, sql: str) -> None:
        """Leave what `sql` leaves when it is cancelled while it waits for an old transaction."""
        transaction = await self.hold()
        other = await asyncpg.connect(self.dsn)
        await other.execute("SET search_path = shop; SET ROLE shop_owner")
        building = asyncio.ensure_future(other.execute(sql))
        waits = "SELECT cardinality(pg_blocking_pids($1))"
        while not await self.connection.fetchval(waits, other.get_server_pid()):
            assert not building.done()
        await self.holder.execute("SELECT pg_cancel_backend($1)", other.get_server_pid())
        with pytest.raises(asyncpg.QueryCanceledError):
            await building
        await transaction.rollback()
        await other.close()

    async def indexes(self, table: str = "items") -> dict[str, bool]:
        rows = await self.connection.fetch(
            "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indrelid = $1::text::regclass AND NOT i.indisprimary ORDER BY 1",
            table,
        )
        return {row["relname"]: row["indisvalid"] for row in rows}


@pytest_asyncio.fixture(loop_scope="session")
async def db(pg: Any) -> AsyncIterator[Database]:
    name = f"concurrent_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    dsn = pg.dsn("postgres", name, pg.password)
    connection = await asyncpg.connect(dsn)
    holder = await asyncpg.connect(dsn, server_settings={"application_name": "till"})
    await connection.execute(provision("shop", "shop", "word"))
    await ensure_journal(connection)
    await connection.execute("SET search_path = shop; SET ROLE shop_owner")
    await connection.execute(
        "CREATE TABLE items (id int PRIMARY KEY, name text);"
        "INSERT INTO items SELECT i, 'name ' || i % 100 FROM generate_series(1, 1000) i"
    )
    try:
        yield Database(dsn, connection, holder)
    finally:
        await connection.close()
        await holder.close()


@pytest.mark.parametrize(
    "sql",
    [
        CONCURRENTLY,
        CONCURRENTLY.replace("items_name", "IF NOT EXISTS items_name"),
        "CREATE INDEX CONCURRENTLY ON \"items\" USING btree (Lower(name) text_pattern_ops) WHERE name>''",
    ],
    ids=["named", "if not exists", "not named"],
)
async def test_an_invalid_index_of_a_cancelled_build_is_dropped_and_built(db: Database, sql: str) -> None:
    await db.interrupt(sql)
    ((name, valid),) = (await db.indexes()).items()
    assert not valid
    alone = Alone(db.dsn, sql)
    await alone.run()
    assert await db.indexes() == {name: True}
    assert alone.sentences("cleaned") == [f'dropped the invalid index "shop"."{name}"']
    owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = $1"
    assert await db.connection.fetchval(owner, name) == "shop_owner"


async def test_invalid_indexes_of_others_are_left_alone(db: Database) -> None:
    await db.interrupt("CREATE INDEX CONCURRENTLY other ON items (name)")
    for sql in (CONCURRENTLY, "CREATE INDEX CONCURRENTLY ON items (id, name)"):
        await Alone(db.dsn, sql).run()
    assert await db.indexes() == {"items_id_name_idx": True, "items_name": True, "other": False}


async def test_what_an_interrupted_reindex_left_is_dropped(db: Database) -> None:
    await db.connection.execute(
        "CREATE INDEX by_name ON items (name); CREATE INDEX by_both ON items (id, name)"
    )
    await db.interrupt("REINDEX INDEX CONCURRENTLY by_name")
    await db.interrupt("REINDEX INDEX CONCURRENTLY by_both")
    good = {"by_both": True, "by_name": True}
    assert await db.indexes() == {"by_both_ccnew": False, "by_name_ccnew": False, **good}
    await Alone(db.dsn, "REINDEX INDEX CONCURRENTLY by_name").run(begun=True)
    assert await db.indexes() == {"by_both_ccnew": False, **good}
    await Alone(db.dsn, "REINDEX (CONCURRENTLY) TABLE items").run()
    assert await db.indexes() == good


async def test_a_unique_index_over_rows_that_are_not_leaves_nothing(db: Database) -> None:
    alone = Alone(db.dsn, "CREATE UNIQUE INDEX CONCURRENTLY one ON items (name)")
    with pytest.raises(asyncpg.UniqueViolationError, match="could not create unique index"):
        await alone.run()
    assert await db.indexes() == {}
    assert alone.sentences("cleaned") == ['dropped the invalid index "shop"."one"']


async def test_a_full_disk_leaves_no_index(db: Database) -> None:
    await db.connection.execute(
        "CREATE FUNCTION fills(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    )
    alone = Alone(db.dsn, "CREATE INDEX CONCURRENTLY full_disk ON items (fills(name))")
    with pytest.raises(asyncpg.DiskFullError):
        await alone.run()
    assert await db.indexes() == {}


async def test_whether_an_interrupted_build_took_effect_is_asked_of_the_catalogue(db: Database) -> None:
    await db.connection.execute(CONCURRENTLY.replace("CONCURRENTLY ", ""))
    same = Alone(db.dsn, CONCURRENTLY)
    await same.run(begun=True)
    assert same.sentences("resumed")[0].startswith("had taken effect: CREATE INDEX CONCURRENTLY items_name")
    unnamed = Alone(db.dsn, CONCURRENTLY.replace("items_name ", ""))
    await unnamed.run(begun=True)
    assert list(await db.indexes()) == ["items_name"]
    for sql, begun in (("CREATE INDEX CONCURRENTLY items_name ON items (name)", True), (CONCURRENTLY, False)):
        with pytest.raises(asyncpg.DuplicateTableError):
            await Alone(db.dsn, sql).run(begun)
    assert await db.indexes() == {"items_name": True}


async def test_a_dropped_index_is_not_dropped_again(db: Database) -> None:
    await db.connection.execute("CREATE INDEX by_name ON items (name)")
    await db.interrupt("DROP INDEX CONCURRENTLY by_name")
    assert await db.indexes() == {"by_name": False}
    drop = "DROP INDEX CONCURRENTLY by_name"
    await Alone(db.dsn, drop).run(begun=True)
    assert await db.indexes() == {}
    await Alone(db.dsn, drop).run(begun=True)
    with pytest.raises(asyncpg.UndefinedObjectError):
        await Alone(db.dsn, drop).run(begun=False)


@pytest.mark.parametrize(
    "sql", ["VACUUM items", "VACUUM (FULL, ANALYZE) items", "ALTER SYSTEM RESET work_mem"]
)
async def test_others_that_run_in_no_transaction_may_be_done_twice(db: Database, sql: str) -> None:
    if sql.startswith("ALTER SYSTEM"):
        await db.holder.execute("GRANT ALTER SYSTEM ON PARAMETER work_mem TO shop_owner")
    await Alone(db.dsn, sql).run()
    await Alone(db.dsn, sql).run(begun=True)


@pytest.mark.parametrize("begun", [False, True])
async def test_a_partition_that_is_half_detached_is_detached(db: Database, begun: bool) -> None:
    await db.connection.execute(
        "CREATE TABLE sold (id int) PARTITION BY RANGE (id);"
        "CREATE TABLE sold_1 PARTITION OF sold FOR VALUES FROM (1) TO (10)"
    )
    detach = "ALTER TABLE sold DETACH PARTITION sold_1 CONCURRENTLY"
    transaction = db.holder.transaction()
    await transaction.start()
    await db.holder.fetch("SELECT FROM shop.sold")
    with pytest.raises(MigrationBlocked, match=r"till.*marked as being detached") as blocked:
        await Alone(db.dsn, detach).run(settings=Settings(lock_timeout=0.2, patience=0.5))
    assert 'ALTER TABLE "shop"."sold" DETACH PARTITION "shop"."sold_1" FINALIZE' in str(blocked.value)
    await transaction.rollback()
    await Alone(db.dsn, detach).run(begun)
    attached = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'sold'::regclass"
    assert await db.connection.fetchval(attached) == 0
    await Alone(db.dsn, detach).run(begun=True)


async def test_a_build_that_waits_names_whom_it_waits_for_and_stops_no_writer(db: Database) -> None:
    transaction = await db.hold()
    ends: list[asyncio.Task[Any]] = []
    alone = Alone(db.dsn, CONCURRENTLY)

    def write(told: Told) -> None:
        if told.kind == "waiting" and not ends:
            insert = "SET lock_timeout = 1; INSERT INTO shop.items VALUES (5000, 'new')"
            subprocess.run([PG_BIN / "psql", db.dsn, "-v", "ON_ERROR_STOP=1", "-qc", insert], check=True)
            ends.append(asyncio.ensure_future(transaction.commit()))

    await alone.run(tell=write)
    await asyncio.gather(*ends)
    waiting = next(each for each in alone.told if each.kind == "waiting")
    assert waiting.detail["phase"] == "waiting for writers before build"
    assert waiting.detail["blockers"][0]["application"] == "till"
    assert await db.indexes() == {"items_name": True}


async def test_patience_ends_with_the_name_of_the_old_transaction(db: Database) -> None:
    transaction = await db.hold()
    alone = Alone(db.dsn, CONCURRENTLY)
    with pytest.raises(MigrationBlocked, match=r"till.*idle in transaction"):
        await alone.run(settings=Settings(patience=0.5))
    await transaction.rollback()
    await alone.run(begun=True)
    assert await db.indexes() == {"items_name": True}


CHILD = """
import asyncio, json, sys
from nexus.migrations.applying.tests.test_concurrent import Alone

asyncio.run(Alone(*json.loads(sys.argv[1])).run(tell=lambda told: print(told.kind, flush=True)))
"""


async def test_a_killed_build_is_cleaned_and_built(db: Database) -> None:
    transaction = await db.hold()
    told = json.dumps([db.dsn, CONCURRENTLY])
    with subprocess.Popen([sys.executable, "-c", CHILD, told], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        next(line for line in child.stdout if line == "waiting\n")
        child.kill()
    assert await db.indexes() == {"items_name": False}
    alone = Alone(db.dsn, CONCURRENTLY)
    running = asyncio.ensure_future(alone.run(begun=True))
    await transaction.commit()
    await running
    assert await db.indexes() == {"items_name": True}
    assert len(alone.sentences("cleaned")) <= 1


@pytest.fixture
def small_disk(pg: Any) -> Iterator[Path]:
    """A file system of 2 MB that PostgreSQL may write to."""
    owner = pg.data.stat()
    folder = pg.data.parent / f"disk_{next(_counter)}"
    folder.mkdir()
    options = f"size=2m,uid={owner.st_uid},gid={owner.st_gid},mode=700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_an_index_that_fills_the_disk_leaves_nothing_and_is_built_when_there_is_room(
    db: Database, small_disk: Path
) -> None:
    space = f"small_{next(_counter)}"
    await db.holder.execute(f"CREATE TABLESPACE {space} LOCATION '{small_disk}'")
    await db.holder.execute(f"GRANT CREATE ON TABLESPACE {space} TO shop_owner")
    await db.connection.execute(
        "INSERT INTO items SELECT i, md5(i::text) || md5((i + 1)::text) FROM generate_series(1001, 40000) i"
    )
    alone = Alone(db.dsn, f"CREATE INDEX CONCURRENTLY large ON items (name) TABLESPACE {space}")
    try:
        with pytest.raises(asyncpg.DiskFullError, match="No space left on device"):
            await alone.run()
        assert await db.indexes() == {}
        assert alone.sentences("cleaned") == ['dropped the invalid index "shop"."large"']
        assert await db.connection.execute("UPDATE items SET name = 'x' WHERE id = 1") == "UPDATE 1"
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        await alone.run(begun=True)
        assert await db.indexes() == {"large": True}
    finally:
        await db.connection.execute("DROP INDEX IF EXISTS large")
        await db.holder.execute(f"DROP TABLESPACE {space}")
