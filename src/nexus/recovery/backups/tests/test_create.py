"""A backup taken while users write is whole, holds what was counted, and leaves nothing when it is killed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest

from nexus.recovery import layout, lsn
from nexus.recovery.backups.create import create_backup
from nexus.recovery.backups.server import check_version
from nexus.recovery.backups.tests.shop import Shop
from nexus.recovery.backups.totals import read_totals
from nexus.recovery.backups.turn import turn
from nexus.recovery.errors import NoRoom, RecoveryFailed, WrongVersion
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.scratch import restored
from nexus.recovery.restoring.target import Target
from nexus.recovery.sealing.sealers import NICE
from nexus.testing import eventually

KILLED = """
import asyncio, sys
from pathlib import Path
from nexus_kit.testing.servers import PostgresServer
from nexus.recovery.backups.tests.shop import Shop
server = object.__new__(PostgresServer)
server.host, server.port = "127.0.0.1", int(sys.argv[2])
print("begins", flush=True)
asyncio.run(Shop(server, Path(sys.argv[1])).back_up("auto", lambda said: print(said, flush=True)))
"""


def helpers(of: int) -> list[psutil.Process]:
    """The processes that a backup starts, of those that still are."""
    return [each for each in psutil.Process(of).children(recursive=True) if each.is_running()]


async def held(shop: Shop) -> list[asyncpg.Record]:
    """Slots and connections of backups."""
    connection = await asyncpg.connect(shop.url)
    try:
        return await connection.fetch(
            "SELECT slot_name AS name FROM pg_replication_slots UNION ALL "
            "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'nexus_%'"
        )
    finally:
        await connection.close()


async def until_nothing_is_held(shop: Shop) -> None:
    async with asyncio.timeout(60):
        while await held(shop):
            await asyncio.sleep(0.05)


async def test_what_was_counted_is_what_is_restored_while_tills_sold_on(living: Shop) -> None:
    said: list[str] = []
    async with living.selling():
        full = await living.back_up("full", said.append)
        incremental = await living.back_up("incremental", said.append)
    assert said == [each for each in said if "copied" in each]
    assert incremental.parent == full.id
    assert incremental.size < full.size / 2
    assert await held(living) == []
    stored = {each.relative_to(living.room / "backups").as_posix() for each in living.files()}
    for backup in (full, incremental):
        assert {each.key for each in backup.stored} | {layout.manifest(backup.id)} <= stored
        assert lsn.parse(backup.start_lsn) < lsn.parse(backup.end_lsn)
        assert await living.repository.backup(backup.id) == backup
    totals = incremental.totals
    assert totals is not None
    assert totals.exact, totals.why
    assert {each.of for each in totals.totals if each.name == "till/revenue"} == {"cash", "pix"}
    choice = await choose(living.repository, Target("lsn", name=totals.lsn, backup=incremental.id))
    async with restored(choice, living.repository, living.room / "restored" / "one") as (cluster, _):
        connection = await asyncpg.connect(cluster.url("postgres"))
        assert await read_totals(connection, living.stack) == totals.totals
        await connection.close()


@pytest.mark.parametrize("large", [True, False])
async def test_those_that_seal_and_send_a_large_one_stand_back(living: Shop, large: bool) -> None:
    postmaster = psutil.Process(int((living.server.data / "postmaster.pid").read_text().split()[0]))
    seen: set[tuple[str, bool]] = set()

    def stand_back() -> bool:
        """Whether those who work for the backup do, if they should."""
        found = {
            (name, each.nice() >= NICE)
            for name, of in (("nexus.recovery.sealing.worker", psutil.Process()), ("walsender", postmaster))
            for each in of.children()
            if name in " ".join(each.cmdline())
        }
        seen.update(found)
        return len({name for name, _ in found}) == 2 and (not large or all(back for _, back in found))

    def said(_: str) -> None:
        eventually(stand_back, 60)  # a worker does that itself, after it has begun

    source = living.source if not large else replace(living.source, large=0)
    await create_backup(source, living.repository, "full", said)
    assert {name for name, _ in seen} == {"nexus.recovery.sealing.worker", "walsender"}
    assert large or os.getpriority(os.PRIO_PROCESS, 0) >= NICE or not any(back for _, back in seen)


async def test_killed_at_any_moment_it_leaves_nothing_that_the_next_one_does_not_clear(living: Shop) -> None:
    whole = set(await living.repository.ids())
    chance = random.Random(8)
    for moment in (0.0, *(chance.uniform(0.0, 2.0) for _ in range(4))):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(living.room), str(living.server.port)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[5],
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"begins\n"
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            children = helpers(process.pid)
            process.kill()
            process.wait()
            await asyncio.to_thread(psutil.wait_procs, children, timeout=30)
            assert [each for each in children if each.is_running()] == []
        process.stdout.close()
        await until_nothing_is_held(living)
    whole |= set(await living.repository.ids())
    found = await living.back_up("auto")
    ids = {entry.key.split("/")[1] for entry in await living.repository.entries(layout.BACKUPS)}
    assert ids == whole | {found.id}
    assert not living.source.work.exists()


async def test_a_second_one_is_told_who_is_at_it(living: Shop) -> None:
    lock = living.source.folder / "backup.lock"
    with turn(lock, "a backup"), pytest.raises(RecoveryFailed, match=f"process {os.getpid()} .* a backup"):
        await living.back_up()


async def test_who_holds_the_turn_and_dies_holds_it_no_more(living: Shop) -> None:
    lock = living.source.folder / "backup.lock"
    code = (
        "import sys, time; from pathlib import Path; from nexus.recovery.backups.turn import turn\n"
        "with turn(Path(sys.argv[1]), 'a backup'): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(RecoveryFailed), turn(lock, "a backup"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with turn(lock, "a backup"):
        pass


async def test_it_is_refused_where_the_reserve_would_be_used(living: Shop) -> None:
    manifest = living.room / "stack" / "nexus.yaml"
    before = manifest.read_text()
    manifest.write_text(before.replace("reserve: 64M", "reserve: 100T"))
    stored = living.files()
    try:
        with pytest.raises(NoRoom, match=r"GB are free; .* stay free \(recovery\.reserve\)"):
            await living.back_up()
    finally:
        manifest.write_text(before)
    assert living.files() == stored


async def test_an_incremental_one_needs_something_to_build_on(living: Shop) -> None:
    elsewhere = Shop(living.server, living.room, ("empty",))
    with pytest.raises(RecoveryFailed, match="there is no backup of this cluster yet; take a full one"):
        await elsewhere.back_up("incremental")
    said: list[str] = []
    assert (await elsewhere.back_up("auto", said.append)).kind == "full"
    assert "a full backup is taken: there is no backup of this cluster yet" in said


async def test_a_manifest_that_was_kept_and_is_damaged_is_fetched_from_a_place(living: Shop) -> None:
    full = await living.back_up("full")
    kept = living.source.manifests / full.id
    kept.write_bytes(kept.read_bytes()[:-10])
    assert (await living.back_up("incremental")).parent == full.id


async def test_names_go_on_when_the_clock_is_put_back(living: Shop) -> None:
    last = await living.back_up("full")
    ahead = layout.folder(layout.new_id("full", layout.began(last.id) + 3600))
    source = living.room / "backups" / layout.folder(last.id)
    target = living.room / "backups" / ahead
    target.mkdir()
    (target / "manifest").write_bytes((source / "manifest").read_bytes())
    try:
        made = await create_backup(living.source, living.repository, "full", keys_read=last.began)
        assert made.id > ahead.split("/")[1]
        assert made.began == last.began  # no kit that was made since its keys were read opens it
    finally:
        for each in target.iterdir():
            each.unlink()
        target.rmdir()


def test_a_server_of_another_major_version_is_refused() -> None:
    with pytest.raises(WrongVersion, match=r"PostgreSQL 16, .* of 18"):
        check_version(160_004)
    check_version(180_001)


async def test_a_database_that_is_away_is_told(living: Shop) -> None:
    living.server.stop()
    try:
        with pytest.raises(RecoveryFailed, match="is it up"):
            await living.back_up()
    finally:
        living.server.start()
