"""Whatever bit is flipped, whatever file is lost: the verdict names the file and the place."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from nexus.recovery import layout
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.tests.shop import Shop
from nexus.recovery.backups.verify import verify
from nexus.recovery.errors import NoRoom


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
