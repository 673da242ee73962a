"""One bit that flips anywhere in any stored file is found before anything is made of its data."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.recovery import layout
from nexus.recovery.errors import Damaged, PlaceError, RecoveryError, WrongKey
from nexus.recovery.places.directory import Directory
from nexus.recovery.places.marker import MARKER
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.restore import restore
from nexus.recovery.restoring.scratch import restored
from nexus.recovery.restoring.target import Target
from nexus.recovery.restoring.tests.living import gone
from nexus.recovery.streaming.belonging import check

from .conftest import Stored, count

FLIPS = 1000


@contextmanager
def flipped(file: Path, chance: random.Random) -> Iterator[int]:
    """One random bit of a file is another while the block runs."""
    before = file.read_bytes()
    bit = chance.randrange(len(before) * 8)
    changed = bytearray(before)
    changed[bit // 8] ^= 1 << bit % 8
    file.write_bytes(changed)
    try:
        yield bit
    finally:
        file.write_bytes(before)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # shown when it fails
    return random.Random(seed)


def test_the_repository_has_files_of_all_kinds(stored: Stored) -> None:
    keys = [stored.key(file) for file in stored.files]
    for backup in (stored.full, stored.incremental):
        assert {layout.manifest(backup.id), layout.part(backup.id, 1), layout.files(backup.id)} <= {*keys}
    assert any(layout.segment_of(key) for key in keys)
    assert any(layout.chunk_of(key) for key in keys)
    assert layout.history(2) in keys
    assert {layout.REPOSITORY, MARKER} <= {*keys}


async def test_a_thousand_flipped_bits_are_found(stored: Stored, chance: random.Random) -> None:
    """In every file several times, anywhere in it; it is read as every command reads it."""
    repository, files = stored.living.repository, stored.files
    for number in range(FLIPS):
        file = files[number % len(files)]
        with flipped(file, chance) as bit:
            try:
                await _read(stored, repository, stored.key(file))
            except (Damaged, WrongKey, PlaceError):
                continue
            pytest.fail(f"bit {bit} of {stored.key(file)} was flipped, and nobody saw it")


async def _read(stored: Stored, repository: Repository, key: str) -> None:
    if key in (layout.REPOSITORY, MARKER):
        await check(stored.place("backups", stored.folder), stored.full.system, repository.scratch)
    else:
        await repository.read(key)


async def test_no_restore_comes_of_what_is_damaged(stored: Stored, room: Path, chance: random.Random) -> None:
    """In a folder of its own, each file that the restore needs is damaged in turn."""
    repository = stored.living.repository
    choice = await choose(repository, Target("latest"))
    needed = [each.key for backup in choice.chain for each in (*backup.parts, backup.files)]
    needed += [max(key for file in stored.files if layout.segment_of(key := stored.key(file)))]
    for key in needed:
        with flipped(stored.folder / key, chance), pytest.raises((Damaged, WrongKey)) as told:
            await restore(choice, repository, room / "data")
        assert key.rpartition("/")[2] in str(told.value)
        assert gone(room)


async def test_a_whole_place_makes_up_for_one_whose_every_file_is_damaged(
    stored: Stored, room: Path, chance: random.Random
) -> None:
    damaged = room / "damaged"
    shutil.copytree(stored.folder, damaged)
    for file in damaged.rglob("*"):
        if file.is_file() and file.name != MARKER:
            content = bytearray(file.read_bytes())
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            file.write_bytes(content)
    alone = replace(stored.living.repository, places=(Directory("damaged", damaged),))
    with pytest.raises(RecoveryError):
        await choose(alone, Target("latest"))
    both = replace(alone, places=(*alone.places, *stored.living.repository.places))
    choice = await choose(both, Target("latest"))
    assert [each.id for each in choice.chain] == [stored.full.id, stored.incremental.id]
    async with restored(choice, both, room / "place") as (cluster, _):
        assert await count(cluster) == stored.sales
