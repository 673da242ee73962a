"""Disks that are full, not mounted, or another one than before."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nexus.recovery.errors import NoRoom, PlaceError
from nexus.recovery.places.tests.sites import PASSWORD, SftpMachine, Site, home

MIB = 1 << 20


@pytest.fixture(params=["directory", "sftp"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """A place whose disk a test can take away."""
    disk = tmp_path / "disk"
    disk.mkdir()
    machine = SftpMachine(disk)
    await machine.start()
    told = {"kind": "directory", "path": str(disk / "backups")}
    made = Site(
        machine.manifest() if request.param == "sftp" else told, home(tmp_path / "home", PASSWORD), disk
    )
    yield made
    await made.close()
    await machine.stop()


@pytest.fixture
def small(site: Site) -> Iterator[Path]:
    """A disk of 4 MiB, mounted where the place is."""
    folder = site.disk
    assert folder
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here: " + mounted.stderr.decode().strip())
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(3 * MIB))
    return path


async def test_a_full_disk_is_said_to_be_one_and_nothing_looks_whole(
    site: Site, small: Path, file: Path
) -> None:
    place = site.open()
    await place.put("fits", file)
    with pytest.raises(NoRoom, match=r"full.*3145728 bytes.*free"):
        await place.put("too/much", file)
    assert not list(small.rglob("*.part"))
    assert [entry.key for entry in await place.entries()] == ["fits"]
    await place.delete(["fits"])
    await place.put("too/much", file)
    assert [entry.key for entry in await place.entries()] == ["too/much"]


async def test_a_disk_that_is_not_mounted_is_not_taken_for_an_empty_place(site: Site, file: Path) -> None:
    assert site.disk
    place = site.open()
    await place.put("backups/a/base/00001", file)
    away = site.disk.with_name("away")

    (site.disk / "backups").rename(away)  # the folder is gone
    for again in (site.open(), place):
        with pytest.raises(PlaceError):
            await again.put("backups/b/base/00001", file)
    with pytest.raises(PlaceError, match="is it mounted"):
        await site.open().entries()
    assert not (site.disk / "backups").exists()

    (site.disk / "backups").mkdir()  # the mount point is empty
    for again in (site.open(), place):
        with pytest.raises(PlaceError, match="is it mounted"):
            await again.put("backups/b/base/00001", file)
    assert not list((site.disk / "backups").iterdir())

    (site.disk / "backups").rmdir()
    away.rename(site.disk / "backups")
    await place.put("backups/b/base/00001", file)
    assert len(await place.entries()) == 2


async def test_another_disk_than_before_is_noticed(site: Site, file: Path, tmp_path: Path) -> None:
    assert site.disk
    await site.open().put("a", file)
    (site.disk / "backups").rename(site.disk.with_name("monday"))
    await site.open(home(tmp_path / "elsewhere", PASSWORD)).put("a", file)  # another stack's, on its own disk
    with pytest.raises(PlaceError, match="another place than before"):
        await site.open().put("b", file)


async def test_an_empty_machine_reads_a_place_without_writing_to_it(
    site: Site, file: Path, tmp_path: Path
) -> None:
    assert site.disk
    await site.open().put("a", file)
    before = sorted(site.disk.rglob("*"))
    rescuer = site.open(home(tmp_path / "elsewhere", PASSWORD))
    assert [entry.key for entry in await rescuer.entries()] == ["a"]
    await rescuer.get("a", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == file.read_bytes()
    assert sorted(site.disk.rglob("*")) == before
