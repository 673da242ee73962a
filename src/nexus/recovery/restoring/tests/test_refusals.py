"""What cannot be restored: it is said what is wrong and what can be reached, and nothing is left behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.recovery import layout, lsn
from nexus.recovery.errors import Damaged, NoRoom, RecoveryFailed, Unreachable, WrongKey, WrongVersion
from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.restore import restore
from nexus.recovery.restoring.target import Known, Target
from nexus.recovery.restoring.tests.conftest import History
from nexus.recovery.restoring.tests.living import gone
from nexus.recovery.sealing import Keys, new_identity, recipient_of

ZONE = "America/Sao_Paulo"


async def refused(history: History, target: Target, **options: Known) -> str:
    with pytest.raises(Unreachable) as told:
        await choose(history.living.repository, target, zone=ZONE, **options)  # type: ignore[arg-type]
    return str(told.value)


async def test_a_target_before_the_first_backup_tells_the_nearest(history: History) -> None:
    said = await refused(history, Target("time", at=history.full.began - 3600))
    assert "cannot be reached. Reachable is from" in said
    assert "-03:00 (" in said
    assert "UTC)" in said
    assert f"the nearest is the end of backup {history.full.id}" in said


async def test_a_target_after_all_that_is_known_is_refused_and_one_within_is_the_end(
    history: History,
) -> None:
    latest = await choose(history.living.repository, Target("latest"))
    assert latest.at is not None
    known = Known(latest.at + 30, latest.timeline, lsn.parse(latest.lsn))
    said = await refused(history, Target("time", at=latest.at + 60), known=known)
    assert "--latest goes to the end of the WAL" in said
    quiet = await choose(history.living.repository, Target("time", at=latest.at + 20), known=known)
    assert quiet.lsn == latest.lsn
    assert "nothing was committed after that moment" in str(quiet.notes)


async def test_a_place_within_the_first_backup_and_one_beyond_the_wal_are_refused(history: History) -> None:
    assert history.full.end_lsn in await refused(history, Target("lsn", name=history.full.start_lsn))
    assert "cannot be reached" in await refused(history, Target("lsn", name="FF/0"))
    assert "no place in the WAL" in await refused(history, Target("lsn", name="noon"))


async def test_unknown_points_backups_and_migrations_are_told_with_those_there_are(history: History) -> None:
    assert "restore points are noon, noon, nexus-shop" in await refused(history, Target("point", name="eve"))
    assert history.incremental.id in await refused(history, Target("backup", name="20200101T000000Z-full"))
    assert "no restore point before" in await refused(history, Target("migration", name="20200101_none"))
    assert "there are 1" in await refused(history, Target("latest", timeline=7))


async def test_an_empty_place_says_how_to_make_a_backup(history: History, room: Path) -> None:
    empty = Repository((Directory("local", room / "none"),), history.living.repository.keys, room / "s")
    with pytest.raises(Unreachable, match="nexus backup create"):
        await choose(empty, Target("latest"))


async def test_without_its_parent_an_incremental_backup_is_not_begun_from(history: History) -> None:
    repository = history.living.copy("orphan")
    await repository.first.delete([layout.manifest(history.full.id)])
    with pytest.raises(Unreachable, match="cannot be used: it needs the WAL"):
        await choose(repository, Target("latest", backup=history.incremental.id))


async def test_missing_wal_ends_what_can_be_reached_and_the_next_backup_begins_anew(history: History) -> None:
    repository = history.living.copy("holed")
    wal = [entry.key for entry in await repository.entries(layout.WAL)]
    start = int(history.incremental.start_lsn.partition("/")[2], 16) // layout.SEGMENT_BYTES - 1
    lost = [key for key in wal if f"{start:08X}" in key.rpartition("/")[2][16:24]]
    assert lost
    await repository.first.delete(lost)
    assert (await choose(repository, Target("latest"))).backup.id == history.incremental.id
    with pytest.raises(Unreachable, match="cannot be reached"):
        await choose(repository, Target("point", name="noon"))


async def test_a_foreign_key_touches_nothing(history: History, room: Path) -> None:
    own = history.living.repository
    identity = new_identity()
    foreign = replace(own, keys=Keys((recipient_of(identity),), identity))
    with pytest.raises(WrongKey, match="sealed for another key"):
        await choose(foreign, Target("latest"))
    choice = await choose(own, Target("latest"))
    with pytest.raises(WrongKey, match="sealed for another key"):
        await restore(choice, foreign, room / "data")
    assert gone(room)


async def test_another_major_version_is_named(history: History, room: Path) -> None:
    repository = history.living.copy("older")
    older = replace(history.full, version=160004, nexus="0.0.9")
    await repository.first.delete([layout.manifest(each) for each in (older.id, history.incremental.id)])
    await repository.put(layout.manifest(older.id), older.json())
    with pytest.raises(WrongVersion, match=r"PostgreSQL 16.*Nexus of its time, 0\.0\.9"):
        await choose(repository, Target("latest"))
    choice = await choose(history.living.repository, Target("latest"))
    with pytest.raises(WrongVersion, match="takes its programs"):
        await restore(replace(choice, chain=(older,)), repository, room / "data")
    assert gone(room)


async def test_a_disk_that_is_too_small_is_told_before_anything_is_done(history: History, room: Path) -> None:
    choice = await choose(history.living.repository, Target("latest"))
    huge = replace(choice, chain=tuple(replace(each, plain=10**15) for each in choice.chain))
    with pytest.raises(NoRoom, match="are free, and the restore needs"):
        await restore(huge, history.living.repository, room / "data")
    assert gone(room)


async def test_a_folder_with_something_in_it_is_not_written_over(history: History, room: Path) -> None:
    choice = await choose(history.living.repository, Target("latest"))
    (room / "data").mkdir()
    (room / "data" / "PG_VERSION").write_text("18")
    with pytest.raises(RecoveryFailed, match="is not empty"):
        await restore(choice, history.living.repository, room / "data")
    assert gone(room / "data", "PG_VERSION")


async def test_the_second_of_two_into_one_folder_is_told_of_the_first(history: History, room: Path) -> None:
    choice = await choose(history.living.repository, Target("backup", name=history.full.id))
    begun = asyncio.Event()
    first = asyncio.create_task(
        restore(choice, history.living.repository, room / "data", lambda _: begun.set())
    )
    await begun.wait()
    with pytest.raises(RecoveryFailed, match="has been at a restore into"):
        await restore(choice, history.living.repository, room / "data")
    assert (await first).backup == history.full.id
    assert gone(room, "data")


async def test_a_damaged_part_is_taken_from_another_place_and_named_where_there_is_none(
    history: History, room: Path
) -> None:
    damaged, whole = history.living.copy("damaged"), history.living.repository
    part = history.full.parts[-1].key
    file = room.parent / Path(damaged.first.file(part))  # type: ignore[attr-defined]
    sealed = bytearray(file.read_bytes())
    sealed[len(sealed) // 2] ^= 1
    file.write_bytes(sealed)
    choice = await choose(whole, Target("backup", name=history.full.id))
    with pytest.raises(Damaged, match=part):
        await restore(choice, damaged, room / "data")
    assert gone(room)
    said: list[str] = []
    both = replace(damaged, places=(*damaged.places, *whole.places))
    await restore(choice, both, room / "data", said.append)
    assert any("a copy is of no use" in sentence for sentence in said)


async def test_a_damaged_segment_stops_the_server_and_nothing_is_left(history: History, room: Path) -> None:
    repository = history.living.copy("torn")
    choice = await choose(repository, Target("latest"))
    last = [entry.key for entry in await repository.entries(layout.WAL)][-1]
    file = Path(repository.first.file(last))  # type: ignore[attr-defined]
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(Damaged, match=last.rpartition("/")[2][:24]):
        await restore(choice, repository, room / "data")
    assert gone(room)
