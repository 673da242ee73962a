"""A server comes back as another one: restored, copied back by hand, or new; the archive mixes nothing."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

from nexus_kit.testing.servers import PostgresServer

from nexus.postgres import programs
from nexus.recovery import lsn
from nexus.recovery.streaming.coverage import coverage, last_commit
from nexus.recovery.streaming.fetch import read_wal
from nexus.recovery.streaming.tests.streamed import Streamed, connected, numbers, streamed
from nexus.runtimes.process import accounts


async def insert(server: PostgresServer, *found: int) -> str:
    """Commits some numbers; returns the end of the WAL."""
    async with connected(server) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS numbers (n bigint PRIMARY KEY)")
        for each in found:
            await connection.execute("INSERT INTO numbers VALUES ($1)", each)
        return str(await connection.fetchval("SELECT pg_current_wal_flush_lsn()::text"))


async def clock(server: PostgresServer) -> float:
    """The server's time, in seconds since the epoch."""
    async with connected(server) as connection:
        return float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))


async def put_back(stream: Streamed, backup: Path, target: str) -> None:
    """Restores the server in place, to before a place in the WAL: it begins a timeline of its own."""
    wal = await stream.fetched(stream.repository())
    stream.server.stop()
    shutil.rmtree(stream.server.data)
    shutil.copytree(backup, stream.server.data)
    with (stream.server.data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"restore_command = 'cp {wal}/%f %p'\nrecovery_target_lsn = '{target}'\n")
        settings.write("recovery_target_action = promote\n")
    (stream.server.data / "recovery.signal").touch()
    accounts.give_tree(stream.server.data, programs.postgres_account())
    stream.server.start()


async def test_a_restored_server_goes_on_in_a_timeline_of_its_own() -> None:
    with streamed("second") as stream:
        stream.start()
        await stream.until(lambda status: status.state == "streaming")
        backup = await stream.base_backup()
        target = await insert(stream.server, 1, 2)
        await insert(stream.server, 3)
        await stream.until_sealed()
        await put_back(stream, backup, target)
        async with connected(stream.server) as connection:
            while await connection.fetchval("SELECT pg_is_in_recovery()"):
                await asyncio.sleep(0.05)
        before = await clock(stream.server)
        await insert(stream.server, 4)
        status = await stream.until_sealed("second")
        assert (status.timeline, status.gap) == (2, None)
        repository = stream.repository("second")
        first, second = await coverage(repository)
        assert (first.timeline, second.timeline) == (1, 2)
        assert second.start_lsn <= lsn.parse(target) < first.end_lsn
        commit = await last_commit(repository, second, stream.root / "dump")
        assert commit is not None
        assert before <= commit.at <= await clock(stream.server)
        async with stream.restored(backup, repository) as cluster:
            assert await numbers(cluster) == {1, 2, 4}


async def standby(stream: Streamed, folder: Path) -> PostgresServer:
    """A standby that gets no WAL: it stays at this moment."""
    account = programs.postgres_account()
    room = accounts.private_folder(folder, account)
    passwords = programs.password_file(stream.root, stream.server.admin_dsn, account)
    arguments = ("-D", str(room / "data"), "-X", "stream", "-c", "fast", "--no-sync")
    tools = programs.Programs(stream.root, account)
    await tools.run(
        "pg_basebackup", *programs.connection(stream.server.admin_dsn), *arguments, passwords=passwords
    )
    other = PostgresServer()
    shutil.rmtree(other.data)
    shutil.copytree(room / "data", other.data)
    (other.data / "standby.signal").touch()
    accounts.give_tree(other.data, account)
    return other


async def test_after_a_failover_that_lost_something_only_what_the_new_server_wrote_is_in_its_timeline() -> (
    None
):
    with streamed() as stream:
        stream.start()
        await stream.until(lambda status: status.state == "streaming")
        await insert(stream.server, 1)
        other = await standby(stream, stream.root / "standby")
        try:
            other.start()
            await insert(stream.server, *range(2, 400))  # the primary and the archive alone have these
            lost = lsn.parse((await stream.until_sealed()).sealed_lsn or "")
            async with connected(other) as connection:
                await connection.execute("SELECT pg_promote(true)")
                forked = lsn.parse(await connection.fetchval("SELECT pg_current_wal_flush_lsn()::text"))
            assert forked < lost
            stream.url.write_text(other.admin_dsn)  # the old one is still there
            await stream.until(lambda status: status.timeline == 2 and status.state == "streaming")
            stream.server, server = other, stream.server
            end = await insert(other, 1000)
            status = await stream.until_sealed()
            assert lsn.parse(status.sealed_lsn or "") < lost
            name = lsn.segment(2, lsn.parse(end), 16 << 20)
            there = lsn.parse(end) % (16 << 20)
            sealed = await read_wal(stream.repository(), name)
            assert sealed[:there] == (other.data / "pg_wal" / name).read_bytes()[:there]
            stream.server = server
        finally:
            other.remove()


async def test_data_that_were_copied_back_by_hand_are_refused() -> None:
    with streamed() as stream:
        await insert(stream.server, 1)
        stream.server.stop()
        copy = stream.root / "copy"
        subprocess.run(["cp", "-a", str(stream.server.data), str(copy)], check=True)
        stream.server.start()
        stream.start()
        await stream.until(lambda status: status.state == "streaming")
        await insert(stream.server, 2, 3)
        sealed = (await stream.until_sealed()).sealed_lsn
        assert stream.stop() == 0
        stream.server.stop()
        shutil.rmtree(stream.server.data)
        copy.rename(stream.server.data)
        stream.server.start()
        await insert(stream.server, *range(10, 100))  # by now, it is beyond what is sealed
        before = await stream.repository().entries("wal/")
        stream.start()
        status = await stream.until(lambda status: status.state == "refused")
        assert "nexus restore" in status.troubles[0].text
        assert status.sealed_lsn == sealed
        assert await stream.repository().entries("wal/") == before
        assert stream.stop() == 0
        assert await stream.repository().entries("wal/") == before


async def test_another_cluster_gets_an_archive_of_its_own() -> None:
    with streamed("second") as stream, PostgresServer.serving() as other:
        stream.start()
        first = await stream.until_sealed("second")
        assert stream.stop() == 0
        old = {each.key for each in await stream.repository("second").entries()}
        stream.url.write_text(other.admin_dsn)
        stream.server, server = other, stream.server
        stream.start()
        status = await stream.until(
            lambda status: (
                status.state == "streaming"
                and status.sealed_lsn
                and any(each.kind == "place" for each in status.troubles)
            )
        )
        assert status.system != first.system
        assert "recovery.places" in next(each for each in status.troubles if each.kind == "place").text
        assert {each.key for each in await stream.repository("second").entries()} == old
        aside = stream.home.root / f"backups-of-{first.system}"
        assert (aside / "repository").exists()
        assert (aside / "wal").is_dir()
        assert stream.stop() == 0
        stream.server = server


async def test_a_lost_slot_is_made_anew_and_the_gap_is_told_until_a_full_backup_mends_it() -> None:
    with streamed() as stream:
        async with connected(stream.server) as connection:
            for setting in (
                "max_slot_wal_keep_size = '16MB'",
                "max_wal_size = '32MB'",
                "min_wal_size = '32MB'",
            ):
                await connection.execute(f"ALTER SYSTEM SET {setting}")
            await connection.execute("SELECT pg_reload_conf()")
        stream.start()
        await stream.until(lambda status: status.state == "streaming")
        ended = lsn.parse(await insert(stream.server, 1))
        await stream.until_sealed()
        assert stream.stop() == 0
        async with connected(stream.server) as connection:
            for _ in range(6):
                await connection.execute("CREATE TABLE IF NOT EXISTS t (i int); INSERT INTO t VALUES (1)")
                await connection.execute("SELECT pg_switch_wal()")
                await connection.execute("CHECKPOINT")
        stream.start()
        status = await stream.until(lambda status: status.gap and status.state == "streaming")
        assert status.gap is not None
        assert lsn.parse(status.gap.start) <= ended < lsn.parse(status.gap.until)
        assert any(each.kind == "gap" and "--full" in each.text for each in status.troubles)
        await stream.until_sealed()
        before, after = await coverage(stream.repository())
        assert before.end_lsn < after.start_lsn == lsn.parse(status.gap.until)
        assert stream.stop() == 0
        await stream.put_full_backup(await insert(stream.server, 2))
        stream.start()
        await stream.until(lambda status: status.state == "streaming" and status.gap is None)
