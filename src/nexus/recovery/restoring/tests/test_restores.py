"""Restores of a real history: what is in them is what was committed until then, and nothing else."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from nexus.migrations.rehearsing.living import read_server
from nexus.migrations.rehearsing.scratch import scratch
from nexus.postgres import Cluster
from nexus.recovery import lsn
from nexus.recovery.restoring.choice import Choice
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.lost import count_lost
from nexus.recovery.restoring.rehearsing import from_latest
from nexus.recovery.restoring.restore import restore
from nexus.recovery.restoring.scratch import restored
from nexus.recovery.restoring.target import Reached, Target
from nexus.recovery.restoring.tests.conftest import History
from nexus.recovery.restoring.tests.living import gone, store_wal
from nexus.stack import load_stack


async def sales(cluster: Cluster) -> int:
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        assert await connection.fetchval("SELECT count(*) FROM stock") == 90000
        await connection.execute("INSERT INTO sale DEFAULT VALUES")
        return int(await connection.fetchval("SELECT count(*) FROM sale")) - 1
    finally:
        await connection.close()


async def restored_sales(history: History, room: Path, target: Target) -> tuple[int, Choice, Reached]:
    repository = history.living.repository
    choice = await choose(repository, target)
    async with restored(choice, repository, room / "place") as (cluster, reached):
        count = await sales(cluster)
    assert gone(room)
    return count, choice, reached


async def test_the_latest_state_holds_all_that_was_committed(history: History, room: Path) -> None:
    count, choice, reached = await restored_sales(history, room, Target("latest"))
    assert count == history.last[1]
    assert [each.id for each in choice.chain] == [history.full.id, history.incremental.id]
    assert reached.timeline == 2
    assert lsn.parse(reached.lsn) == history.last[0]
    assert reached.at == choice.at


async def test_a_moment_holds_what_was_committed_before_it(history: History, room: Path) -> None:
    at, there = history.between
    count, choice, reached = await restored_sales(history, room, Target("time", at=at))
    assert count == there
    assert choice.backup.id == history.full.id
    assert reached.at is not None
    assert reached.at <= at
    stack = load_stack(history.living.room / "stack")
    lost = await count_lost(choice, history.living.repository, history.living.url, stack)
    assert lost.transactions >= history.last[1] - there
    assert lost.first is not None
    assert lost.first > at
    assert lost.whole
    assert lost.losses == ()  # this stack counts no totals
    away = await count_lost(choice, history.living.repository, "postgresql://a:b@127.0.0.1:1/c", stack)
    assert away.losses is None
    assert "does not tell" in away.why


async def test_the_last_of_two_points_of_one_name_is_taken(history: History, room: Path) -> None:
    count, choice, _ = await restored_sales(history, room, Target("point", name="noon"))
    assert count == history.noons[1]
    assert "2 restore points have that name" in str(choice.notes[0])


async def test_a_place_is_reached_exclusively_over_segments(history: History, room: Path) -> None:
    count, _, reached = await restored_sales(history, room, Target("lsn", name=history.place[0]))
    assert count == history.place[1]
    assert lsn.parse(reached.lsn) <= lsn.parse(history.place[0])


async def test_a_backup_is_restored_as_it_was_taken(history: History, room: Path) -> None:
    count, choice, reached = await restored_sales(history, room, Target("backup", name=history.full.id))
    assert count == 10
    assert "reaching consistency" in reached.said
    assert choice.exact.kind == "backup"


async def test_before_a_migration_is_its_restore_point(history: History) -> None:
    repository = history.living.repository
    for name in ("shop/20261101000100_prices", "20261101000100_prices", "prices"):
        choice = await choose(repository, Target("migration", name=name), url=history.living.url)
        assert "nexus-shop-20261101000100_prices-20261126T101500Z" in str(choice.notes)


async def test_a_folder_is_handed_over_with_its_own_settings(history: History, room: Path) -> None:
    repository = history.living.repository
    choice = await choose(repository, Target("time", at=history.late[0]))
    said: list[str] = []
    data, rates = room / "data", room / "rates.json"
    data.mkdir()
    reached = await restore(choice, repository, data, said.append, rates)
    assert gone(room, "data", "rates.json")
    settings = (data / "postgresql.auto.conf").read_text()
    assert "summarize_wal = 'on'" in settings
    for word in ("restore_command", "recovery_target", "archive_mode", "fsync"):
        assert word not in settings
    assert not (data / "recovery.signal").exists()
    assert reached.bytes == choice.bytes
    assert any("was put over" in sentence for sentence in said)
    exact = await choose(repository, choice.exact)
    assert (exact.lsn, exact.backup.id) == (choice.lsn, choice.backup.id)


async def test_a_life_goes_on_after_a_restore_and_both_lives_can_be_reached(
    history: History, room: Path
) -> None:
    repository = history.living.copy("second-life")
    at, there = history.between
    async with restored(await choose(repository, Target("time", at=at)), repository, room / "a") as (
        cluster,
        _,
    ):
        connection = await asyncpg.connect(cluster.url("postgres"))
        for _ in range(3):
            await connection.execute("INSERT INTO sale DEFAULT VALUES")
        end = lsn.parse(await connection.fetchval("SELECT pg_current_wal_flush_lsn()::text"))
        await connection.close()
        await store_wal(repository, cluster.data / "pg_wal", 2, end)
    now = await choose(repository, Target("latest"))
    assert (now.timeline, now.backup.id) == (2, history.full.id)
    async with restored(now, repository, room / "b") as (cluster, reached):
        assert await sales(cluster) == there + 3
        assert reached.timeline == 3
    former = await choose(repository, Target("latest", timeline=1))
    assert former.timeline == 1
    assert lsn.parse(former.lsn) == history.last[0]
    told = await choose(repository, Target("time", at=history.late[0]))
    assert "--timeline 1 leads there" in str(told.notes)


async def test_a_rehearsal_works_on_the_latest_backup(history: History, room: Path) -> None:
    living = await read_server(history.living.url, bare=True)
    way = await from_latest(history.living.repository)
    async with scratch(room / "rehearsal", living, ways=(way,)) as found:
        assert await sales(found.cluster) == history.last[1]
        assert found.copy.way.startswith(f"backup {history.incremental.id}, restored to ")
