"""Whatever bit is flipped, whatever file is lost: the verdict names the file and the place."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from nexus.recovery import layout
from nexus.recovery.backups import copies
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.tests.shop import Shop
from nexus.recovery.backups.turn import BACKUP, Busy, pruning, reading, turn
from nexus.recovery.backups.verify import verify
from nexus.recovery.errors import NoRoom, PlaceError


@dataclass
class Kept:
    """One backup, the same in two places."""

    shop: Shop
    backup: BackupManifest

    def path(self, place: str, key: str) -> Path:
        return self.shop.room / place / key


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mirrored(living: Shop) -> Kept:
    found = Shop(living.server, living.room, ("near", "far"))
    backup = await found.back_up("full")
    await found.ask("INSERT INTO till.sale DEFAULT VALUES")
    shutil.copytree(living.room / "near", living.room / "far", dirs_exist_ok=True)
    return Kept(found, backup)


@pytest_asyncio.fixture(loop_scope="session")
async def kept(mirrored: Kept) -> AsyncIterator[Kept]:
    """Whatever a test does to the second place is undone."""
    yield mirrored
    shutil.rmtree(mirrored.shop.room / "far")
    shutil.copytree(mirrored.shop.room / "near", mirrored.shop.room / "far")


async def test_what_is_whole_is_said_to_be(kept: Kept) -> None:
    for deep in (False, True):
        found = await verify(kept.shop.repository, kept.backup.id, deep)
        assert [copy.state for copy in found.copies] == ["whole", "whole"]
        assert found.ok, found.said
        assert found.wal.consistent
        assert found.bytes >= 2 * kept.backup.size
    assert not list((kept.shop.room / "scratch").iterdir())


async def test_a_flipped_bit_anywhere_is_found_and_named(kept: Kept) -> None:
    chance = random.Random(8)
    keys = [layout.manifest(kept.backup.id), *(each.key for each in kept.backup.stored)]
    for key in keys:
        path = kept.path("far", key)
        before = path.read_bytes()
        changed = bytearray(before)
        bit = chance.randrange(len(changed) * 8)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(changed))
        found = await verify(kept.shop.repository, kept.backup.id)
        assert [copy.state for copy in found.copies] == ["whole", "damaged"]
        assert [fault.key for fault in found.copies[1].faults] == [key]
        assert found.restorable
        assert not found.ok
        assert found.said[0].startswith("far: ")
        path.write_bytes(before)


async def test_what_is_missing_or_too_short_is_named(kept: Kept) -> None:
    part, files = kept.backup.parts[0], kept.backup.files
    kept.path("far", part.key).unlink()
    with open(kept.path("far", files.key), "ab") as file:
        file.write(b"x")
    found = await verify(kept.shop.repository, kept.backup.id)
    assert [fault.said for fault in found.copies[1].faults] == [
        f"{part.key} is missing",
        f"{files.key} has {files.bytes + 1} bytes instead of {files.bytes}",
    ]


async def test_a_backup_that_is_still_on_its_way_to_a_place_is_no_fault(kept: Kept) -> None:
    kept.path("far", layout.manifest(kept.backup.id)).unlink()
    found = await verify(kept.shop.repository, kept.backup.id)
    assert [copy.state for copy in found.copies] == ["whole", "absent"]
    assert found.ok


async def test_a_backup_that_is_still_not_there_after_a_day_is_one(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "GRACE", 0.0)
    kept.path("far", layout.manifest(kept.backup.id)).unlink()
    found = await verify(kept.shop.repository, kept.backup.id)
    assert [(copy.state, copy.overdue) for copy in found.copies] == [("whole", False), ("absent", True)]
    assert found.restorable
    assert not found.ok
    kept.path("near", layout.manifest(kept.backup.id)).rename(kept.shop.room / "away")
    try:  # what only others have is not awaited in the first place
        shutil.copy(kept.shop.room / "away", kept.path("far", layout.manifest(kept.backup.id)))
        assert (await verify(kept.shop.repository, kept.backup.id)).ok
    finally:
        (kept.shop.room / "away").rename(kept.path("near", layout.manifest(kept.backup.id)))


async def test_wal_that_cannot_be_read_to_its_end_is_told(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = kept.shop.repository
    far = repository.places[1]
    fetch = far.get

    async def get(key: str, file: Path) -> None:
        if key.startswith(layout.WAL):
            raise PlaceError("the line was cut")
        await fetch(key, file)

    monkeypatch.setattr(far, "get", get)
    found = await verify(repository, kept.backup.id, deep=True)
    assert not found.ok
    assert "far: the WAL there could not be read to its end: the line was cut" in found.said


async def test_nothing_is_pruned_while_somebody_reads(kept: Kept) -> None:
    folder = kept.shop.room
    async with reading(folder, "a restore"), reading(folder, "verifying"):
        with pytest.raises(Busy, match="has been at verifying since"), pruning(folder):
            raise AssertionError("both at once")
        with turn(folder / BACKUP, "a backup"):
            pass
    with pruning(folder):
        waiting = asyncio.create_task(verify(kept.shop.repository, kept.backup.id))
        await asyncio.sleep(0)
        with pytest.raises(Busy), turn(folder / BACKUP, "a backup"):
            raise AssertionError("both at once")
        assert not waiting.done()
    assert (await waiting).ok


async def test_wal_that_the_backup_needs_is_missed(kept: Kept) -> None:
    folder = kept.shop.room / "far" / "wal"
    alone = Shop(kept.shop.server, kept.shop.room, ("far",))
    shutil.rmtree(folder)
    found = await verify(alone.repository, kept.backup.id)
    assert [copy.state for copy in found.copies] == ["whole"]
    assert not found.wal.consistent
    assert not found.restorable


async def test_wal_that_is_damaged_is_named_when_it_is_opened(kept: Kept) -> None:
    (path,) = sorted((kept.shop.room / "far" / "wal").rglob("*+*"))[-1:]
    changed = bytearray(path.read_bytes())
    changed[-20] ^= 1
    path.write_bytes(bytes(changed))
    assert (await verify(kept.shop.repository, kept.backup.id)).ok
    found = await verify(kept.shop.repository, kept.backup.id, deep=True)
    assert not found.ok
    (fault,) = found.wal.faults
    assert fault.key == path.relative_to(kept.shop.room / "far").as_posix()
    assert "far" in fault.said


async def test_there_must_be_room_to_unpack_it(kept: Kept) -> None:
    with pytest.raises(NoRoom, match="leave out --deep"):
        await verify(kept.shop.repository, kept.backup.id, deep=True, reserve=1 << 60)


async def test_an_incremental_one_is_worth_what_it_builds_on(kept: Kept) -> None:
    shop = Shop(kept.shop.server, kept.shop.room, ("near",))
    await shop.ask("INSERT INTO till.sale DEFAULT VALUES")
    after = await shop.back_up("incremental")
    assert after.parent == kept.backup.id
    for deep in (False, True):
        found = await verify(shop.repository, after.id, deep)
        assert found.ok, found.said
        assert found.bytes >= kept.backup.size + after.size
    part = kept.path("near", kept.backup.parts[0].key)
    sound = part.read_bytes()
    part.unlink()
    try:
        found = await verify(shop.repository, after.id)
        assert not found.restorable
        assert found.said == (f"near: {kept.backup.parts[0].key} is missing",)
    finally:
        part.write_bytes(sound)
    manifest = kept.path("near", layout.manifest(kept.backup.id))
    manifest.rename(manifest.with_name("away"))
    try:
        found = await verify(shop.repository, after.id, deep=True)
        assert not found.restorable
        assert f"builds on {kept.backup.id}, which cannot be read" in found.said[0]
    finally:
        manifest.with_name("away").rename(manifest)
        for file in (shop.room / "near" / layout.folder(after.id)).rglob("*"):
            if file.is_file():
                file.unlink()
