"""Restores: to a moment, verified and serving, beside a plain copy; one table back in its place."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time

import asyncpg
from recovering.figures import rate, told
from recovering.subject import Subject, size

from nexus.postgres import Cluster
from nexus.recovery import layout, lsn
from nexus.recovery.backups.create import create_backup
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.restore import restore
from nexus.recovery.restoring.scratch import restored, serve
from nexus.recovery.restoring.target import Target
from nexus.runtimes.process import accounts

TABLE = "pgbench_tellers"


def measure_restores(of: Subject, rounds: int, orders: int) -> None:
    """Prints all of it."""
    asyncio.run(of.ask("SELECT pg_create_physical_replication_slot('bench', true)"))  # as the stream's does
    asyncio.run(create_backup(of.source, of.repository, "full"))
    of.pgbench("--client=4", f"--transactions={orders // 4}", "--no-vacuum")
    at = float(str(asyncio.run(of.ask("SELECT extract(epoch FROM clock_timestamp())"))))
    kept = asyncio.run(_sums(of.server.admin_dsn))
    of.pgbench("--client=4", "--transactions=250", "--no-vacuum")
    asyncio.run(_archive(of))
    bytes = size(of.data / "base")
    print(f"restore of {bytes / 1e9:.2f} GB to a moment after {orders} orders, {rounds} rounds, best of each")
    copies, wholes, replays, tables = [], [], [], []
    for _ in range(rounds):
        copies.append(_copied(of))
        whole, replayed = asyncio.run(_to_a_moment(of, at, kept))
        wholes.append(whole)
        replays.append(replayed)
        tables.append(asyncio.run(_one_table(of, at)))
    copy, whole, replayed, table = min(copies), min(wholes), min(replays), min(tables)
    told("cp -r of the data directory, and sync", rate(bytes, copy))
    told("restored, verified and serving", rate(bytes, whole))
    told("… of which WAL was replayed", f"{replayed:.2f} s")
    share = (whole - replayed) / copy
    told("… without it, × the time of the copy", f"{share:.2f}", "2.0", share <= 2.0)
    told("one table back in its place", f"{table:.2f} s")
    told("… × the time of the restore", f"{table / whole:.2f}", "1.3", table <= 1.3 * whole)


def _copied(of: Subject) -> float:
    """A copy of the files of a server that stands still."""
    asyncio.run(of.ask("CHECKPOINT"))
    os.sync()
    with of.folder("copy") as folder:
        began = time.monotonic()
        subprocess.run(["cp", "-r", str(of.data), str(folder / "data")], check=True)
        os.sync()
        return time.monotonic() - began


async def _to_a_moment(of: Subject, at: float, kept: tuple[int, int]) -> tuple[float, float]:
    """Seconds until a question is answered, and of which so many for the replay."""
    data = of.room / "data"
    began = time.monotonic()
    choice = await choose(of.repository, Target("time", at=at))
    reached = await restore(choice, of.repository, data)
    cluster = Cluster(data, of.room / "server", gentle=False)
    accounts.private_folder(cluster.folder, cluster.account)
    try:
        await serve(cluster)
        assert await _sums(cluster.url("postgres")) == kept, "it is not what was committed until then"
        return time.monotonic() - began, reached.replayed
    finally:
        await cluster.stop()
        shutil.rmtree(data)
        shutil.rmtree(cluster.folder)


async def _one_table(of: Subject, at: float) -> float:
    """A scratch restore, and the rows of one table from there into the living one, in one transaction."""
    began = time.monotonic()
    choice = await choose(of.repository, Target("time", at=at))
    async with restored(choice, of.repository, of.room / "scratch-restore") as (cluster, _):
        then = await asyncpg.connect(cluster.url("postgres"))
        now = await asyncpg.connect(of.server.admin_dsn)
        rows = await then.fetch(f"SELECT * FROM {TABLE}")
        async with now.transaction():
            await now.execute(f"CREATE TEMP TABLE former (LIKE {TABLE}) ON COMMIT DROP")
            await now.copy_records_to_table("former", records=[tuple(row) for row in rows])
            await now.execute(
                f"UPDATE {TABLE} t SET tbalance = f.tbalance FROM former f "
                "WHERE f.tid = t.tid AND f.tbalance IS DISTINCT FROM t.tbalance"
            )
        spent = time.monotonic() - began
        await then.close()
        await now.close()
    return spent


async def _sums(url: str) -> tuple[int, int]:
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchrow("SELECT count(*), coalesce(sum(delta), 0) FROM pgbench_history")
        assert found is not None
        return int(found[0]), int(found[1])
    finally:
        await connection.close()


async def _archive(of: Subject) -> None:
    """Stores the WAL as far as it was written, as the stream would have."""
    end = lsn.parse(str(await of.ask("SELECT pg_current_wal_flush_lsn()::text")))
    held = {entry.key for entry in await of.repository.entries(layout.WAL)}
    for file in sorted((of.data / "pg_wal").glob("0000000*")):
        start = lsn.start(file.name, layout.SEGMENT_BYTES) if len(file.name) == 24 else end
        if start >= end or layout.segment(file.name) in held:
            continue
        whole = start + layout.SEGMENT_BYTES <= end
        key = layout.segment(file.name) if whole else layout.chunk(file.name, 0, end - start)
        if key not in held:
            await of.repository.put(key, file.read_bytes()[: end - start])
