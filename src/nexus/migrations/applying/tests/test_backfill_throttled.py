from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from nexus_kit.testing import servers
from nexus_kit.testing.servers import PG_BIN, PostgresServer

from nexus.migrations.applying.settings import Settings, Throttle, Told
from nexus.migrations.applying.tests.backfilling import EAGER, begin, counts, database
from nexus.migrations.errors import MigrationBlocked

ROWS = "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 2000) i"


@pytest_asyncio.fixture(loop_scope="session")
async def db(pg: Any) -> AsyncIterator[Any]:
    async with database(pg) as connection:
        await connection.execute(ROWS)
        yield connection


@dataclass
class Platform:
    """Users who wait for the first few times that they are asked."""

    pressures: list[float]
    asked: int = 0

    async def pressure(self) -> float:
        self.asked += 1
        return self.pressures.pop(0) if self.pressures else 0.0


def throttled(**throttle: Any) -> Settings:
    return replace(EAGER, throttle=replace(EAGER.throttle, **throttle))


async def test_it_pauses_while_users_wait(pg: Any, db: Any) -> None:
    platform = Platform([0.0, 1.0, 0.0])
    backfill = await begin(pg, db, "UPDATE t SET n = n + 1")
    assert await backfill.run(throttled(pressure=platform.pressure)) == 2000
    assert backfill.sentences("waiting") == ["pauses: users wait: pressure 1.00 ≥ 1"]
    assert platform.asked > 3


async def test_it_does_not_wait_for_ever(pg: Any, db: Any) -> None:
    backfill = await begin(pg, db, "UPDATE t SET n = n + 1")
    busy = Platform([1.0] * 100)
    with pytest.raises(
        MigrationBlocked, match=r"made way for 0\.5 s: users wait: pressure 1\.00 ≥ 1; what is done"
    ):
        await backfill.run(replace(throttled(pressure=busy.pressure), patience=0.5))
    assert await counts(db) == {0: 1900, 1: 100}
    assert await backfill.run() == 2000
    assert await counts(db) == {1: 2000}


async def test_a_server_that_crashes_in_the_middle_has_nothing_done_twice(
    start_postgres: Callable[..., PostgresServer],
) -> None:
    server = start_postgres()
    async with database(server) as db:
        await db.execute(ROWS)
        backfill = await begin(server, db, "UPDATE t SET n = n + 1")
        batches: list[Told] = []

        def crash(told: Told) -> None:
            batches.extend([told] if told.kind == "batch" else [])
            if len(batches) == 3:
                server.kill()

        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await backfill.run(tell=crash)
        server.start()
        assert await backfill.run() == 2000
        again = await asyncpg.connect(backfill.dsn)
        assert await again.fetchval("SELECT count(*) FROM shop.t WHERE n = 1") == 2000
        await again.close()


@pytest.fixture
def standby(start_postgres: Callable[..., PostgresServer]) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary and its replica."""
    primary = start_postgres()
    replica = PostgresServer()
    try:
        shutil.rmtree(replica.data)
        copy = [PG_BIN / "pg_basebackup", "-d", f"{primary.admin_dsn}?application_name=db2"]
        servers._run([*copy, "-D", replica.data, "-R", "-c", "fast", "-X", "stream"], replica._folder)
        replica.start()
        yield primary, replica
    finally:
        replica.remove()


async def until_it_streams(primary: PostgresServer) -> None:
    admin = await asyncpg.connect(primary.admin_dsn)
    while not await admin.fetchval("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"):
        pass
    await admin.close()


async def test_it_waits_for_a_replica_that_is_behind(standby: tuple[PostgresServer, PostgresServer]) -> None:
    primary, replica = standby
    async with database(primary) as db:
        await db.execute(ROWS)
        await until_it_streams(primary)
        psql: list[Any] = [PG_BIN / "psql", replica.admin_dsn, "-qc"]
        subprocess.run([*psql, "SELECT pg_wal_replay_pause()"], check=True, stdout=subprocess.DEVNULL)
        backfill = await begin(primary, db, "UPDATE t SET n = n + 1")

        def resume(told: Told) -> None:
            if told.kind == "waiting" and "lags" in told.sentence:
                subprocess.run(
                    [*psql, "SELECT pg_wal_replay_resume()"], check=True, stdout=subprocess.DEVNULL
                )

        settings = replace(EAGER, throttle=Throttle(share=0.5, batch_seconds=0.001, max_lag=0.03))
        assert await backfill.run(settings, resume) == 2000
        lags = [each for each in backfill.sentences("waiting") if "lags" in each]
        assert lags
        assert lags[0].startswith("pauses: replica ")
        assert lags[0].endswith(" s > 0.03 s")
        assert await counts(db) == {1: 2000}
