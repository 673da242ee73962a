"""A gap is over when a full backup after it can be read; one that cannot is said, and hides no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.recovery import layout
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import Keys, new_identity, recipient_of
from nexus.recovery.streaming import rooms
from nexus.recovery.streaming.standing import LOOK_EVERY, Standing
from nexus.recovery.streaming.status import Gap
from nexus.runtimes.home import Home


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    identity = new_identity()
    place = Directory("local", tmp_path / "local", proves=False)
    return Repository((place,), Keys((recipient_of(identity),), identity), tmp_path / "scratch")


async def store(repository: Repository, day: int, start: str) -> Path:
    """A full backup that began at a place in the WAL; its manifest's file."""
    name = f"202611{day:02}T023000Z-full"
    told = BackupManifest(
        name,
        "full",
        None,
        "test",
        "1",
        180000,
        1,
        16 << 20,
        start,
        start,
        0.0,
        0.0,
        0,
        (),
        Stored("", 0, "", 0),
    )
    await repository.put(layout.manifest(name), told.json())
    assert isinstance(repository.first, Directory)
    return repository.first.file(layout.manifest(name))


@pytest.mark.parametrize("older", ["0/1000000", "0/4000000"])
async def test_a_full_backup_that_cannot_be_read_is_said(
    repository: Repository, tmp_path: Path, older: str
) -> None:
    home = Home.at(tmp_path / "home")
    home.furnish()
    rooms.root(home)
    standing = Standing(home)
    standing.tell_gap(Gap(1, "0/2000000", "0/3000000", "why", 1.0))
    await store(repository, 20, older)
    damaged = await store(repository, 21, "0/5000000")
    good = damaged.read_bytes()
    damaged.write_bytes(good[:-1] + b"?")
    await standing.look_for_full(repository, 2 * LOOK_EVERY)
    assert (standing.gap is None) is (older == "0/4000000")
    assert standing.troubles.has("backup") is (older == "0/1000000")
    damaged.write_bytes(good)
    await standing.look_for_full(repository, 4 * LOOK_EVERY)
    assert standing.gap is None
    assert not standing.troubles.has("gap")
