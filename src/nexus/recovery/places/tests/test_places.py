"""What every place promises, kept by a folder, SFTP and S3 alike."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from nexus.recovery.errors import Conflict, Locked, Missing, PlaceError
from nexus.recovery.places.tests.sites import NAME, Counting, Site

MIB = 1 << 20
WAL = "wal/00000001/000000010000000000000003"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "file", 300_000)


def written(path: Path, size: int, seed: int = 8) -> Path:
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


async def content(site: Site, key: str, folder: Path) -> bytes:
    fetched = folder / f"fetched-{os.urandom(4).hex()}"
    await site.open().get(key, fetched)
    return fetched.read_bytes()


async def test_what_is_put_is_told_and_given_back(site: Site, file: Path, tmp_path: Path) -> None:
    place = site.open()
    assert await place.entries() == ()
    await place.check()
    for key in (WAL, f"{WAL}+0-1F", "backups/20261126T023000Z-full/home/nexus.yaml", "repository"):
        await place.put(key, file)
    assert [entry.key for entry in await place.entries()] == [
        "backups/20261126T023000Z-full/home/nexus.yaml",
        "repository",
        WAL,
        f"{WAL}+0-1F",
    ]
    assert {entry.bytes for entry in await place.entries("wal/")} == {300_000}
    assert [entry.key for entry in await place.entries(f"{WAL}+")] == [f"{WAL}+0-1F"]
    assert await place.entries("wal/00000002/") == ()
    assert await content(site, WAL, tmp_path) == file.read_bytes()
    room = await place.free()
    assert room is None or room > MIB


async def test_the_same_again_does_nothing_and_other_bytes_are_refused(site: Site, tmp_path: Path) -> None:
    for key, size in (("small", 1000), ("large", 9 * MIB)):
        one, other = written(tmp_path / "one", size), written(tmp_path / "other", size, seed=9)
        await site.open().put(key, one)
        again = Counting()
        await site.open().put(key, one, again)
        assert again.sent in (0, 1000)  # a small file is sent to S3 to learn that it is there
        with pytest.raises(Conflict, match=key):
            await site.open().put(key, other)
        assert await content(site, key, tmp_path) == one.read_bytes()


async def test_what_is_missing_is_said_to_be(site: Site, file: Path, tmp_path: Path) -> None:
    place = site.open()
    await place.put("a", file)
    with pytest.raises(Missing, match=f"{NAME}.*wal/1"):
        await place.get("wal/1", tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


async def test_keys_that_lead_elsewhere_are_refused(site: Site, file: Path) -> None:
    place = site.open()
    for key in ("", "../a", "/a", "a//b", "a/", "a/./b", ".nexus-place", "a\nb", "x" * 201, "a/" * 450 + "a"):
        with pytest.raises(PlaceError, match="no key"):
            await place.put(key, file)
        with pytest.raises(PlaceError, match="no key"):
            await place.get(key, file.with_name("fetched"))


async def test_what_may_be_deleted_is_gone_and_what_is_locked_stays(site: Site, file: Path) -> None:
    place = site.open()
    await place.put("a/b/c", file)
    await place.put("a/d", file)
    if "lock" in site.manifest:
        with pytest.raises(Locked, match="until 20") as refused:
            await place.delete(["a/b/c", "not there"])
        assert refused.value.until.keys() == {"a/b/c"}
    else:
        await place.delete(["a/b/c", "not there"])
        await place.delete(["a/b/c"])
    left = ["a/b/c", "a/d"] if "lock" in site.manifest else ["a/d"]
    assert [entry.key for entry in await place.entries()] == left


async def test_two_writers_of_the_same_are_both_right(site: Site, tmp_path: Path) -> None:
    size = 9 if site.disk else 4  # the simulated store mixes up writers that end one upload in parts at once
    file = written(tmp_path / "file", size * MIB)
    await site.open().put("first", file)  # the marker is there
    await asyncio.gather(*(site.open().put("both", file) for _ in range(3)))
    assert await content(site, "both", tmp_path) == file.read_bytes()
    assert [entry.key for entry in await site.open().entries()] == ["both", "first"]


async def test_of_two_writers_of_different_bytes_one_wins_as_a_whole(site: Site, tmp_path: Path) -> None:
    files = [written(tmp_path / str(seed), 4 * MIB, seed) for seed in (1, 2)]
    outcomes = await asyncio.gather(
        *(site.open().put("contested", file) for file in files), return_exceptions=True
    )
    losers = [outcome for outcome in outcomes if outcome is not None]
    assert all(isinstance(loser, Conflict) for loser in losers)
    if site.disk:  # the simulated store looks and writes in two steps
        assert len(losers) == 1
    assert await content(site, "contested", tmp_path) in [file.read_bytes() for file in files]


async def test_killed_in_the_middle_it_goes_on_where_it_was(site: Site, tmp_path: Path) -> None:
    file = written(tmp_path / "file", 20 * MIB)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("sending.py")), stdin=asyncio.subprocess.PIPE
    )
    assert process.stdin
    told = {"name": NAME, "manifest": site.manifest, "home": str(site.home.root), "key": WAL}
    process.stdin.write(json.dumps(told | {"file": str(file), "rate": 2 * MIB}).encode())
    process.stdin.close()
    async with asyncio.timeout(60):
        while await asyncio.to_thread(site.half_sent) < 4 * MIB:
            assert process.returncode is None
            await asyncio.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    there = await asyncio.to_thread(site.half_sent)

    assert await site.open().entries() == ()  # what is not whole is not told
    rest = Counting()
    await site.open().put(WAL, file, rest)
    assert rest.sent <= 20 * MIB - there + MIB
    assert await content(site, WAL, tmp_path) == file.read_bytes()
    assert await asyncio.to_thread(site.half_sent) == 0


async def test_a_damaged_beginning_is_sent_again(site: Site, tmp_path: Path) -> None:
    file = written(tmp_path / "file", 3 * MIB)
    if site.disk is None:
        pytest.skip("a store compares each part itself")
    place = site.open()
    await place.put("first", file)
    beside = next(site.disk.rglob("first"))
    draft = draft_of(site, file, beside.with_name("second"))
    draft.write_bytes(b"\0" * (2 * MIB))
    await place.put("second", file)
    assert await content(site, "second", tmp_path) == file.read_bytes()
    assert not draft.exists()


def draft_of(site: Site, file: Path, target: Path) -> Path:
    """Under which name a file is written until it is whole."""
    from nexus.recovery.places import copying, digest, keys

    sftp = site.manifest["kind"] == "sftp"
    name = digest.digest_of(file)[:16] if sftp else copying.identity(file)
    return target.with_name(keys.draft_name(target.name, name))
