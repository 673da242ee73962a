"""A folder takes a file of its own disk as it is, and copies one of another; it never replaces one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from nexus.recovery.errors import Conflict
from nexus.recovery.places.directory import Directory

MEMORY = Path("/dev/shm")


def place(root: Path) -> Directory:
    return Directory("local", root / "place", proves=False)


async def test_a_file_of_the_same_disk_gets_a_second_name(tmp_path: Path) -> None:
    file = tmp_path / "part"
    file.write_bytes(b"sealed")
    await place(tmp_path).keep("backups/a/base/00001", file)
    kept = tmp_path / "place/backups/a/base/00001"
    assert kept.samefile(file)
    await place(tmp_path).keep("backups/a/base/00001", file)
    assert [entry.bytes for entry in await place(tmp_path).entries()] == [6]


async def test_what_is_there_is_never_replaced(tmp_path: Path) -> None:
    for content in (b"first", b"other"):
        (tmp_path / "part").unlink(missing_ok=True)
        (tmp_path / "part").write_bytes(content)
        if content == b"first":
            await place(tmp_path).keep("a", tmp_path / "part")
    with pytest.raises(Conflict):
        await place(tmp_path).keep("a", tmp_path / "part")
    assert (tmp_path / "place/a").read_bytes() == b"first"


@pytest.mark.skipif(not MEMORY.is_dir(), reason="needs /dev/shm, a second file system")
async def test_a_file_of_another_disk_is_copied(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as other:
        file = Path(other, "part")
        if file.parent.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("/dev/shm is on the same file system")
        file.write_bytes(b"sealed")
        await place(tmp_path).keep("a", file)
    assert (tmp_path / "place/a").read_bytes() == b"sealed"
