"""The mirror, through outages, other bytes, a slow line and retention."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from nexus.recovery import layout
from nexus.recovery.errors import Conflict
from nexus.recovery.places import Entry, Mirror, Place, forget
from nexus.recovery.places.directory import Directory
from nexus.recovery.places.marker import Marker
from nexus.recovery.places.mirror_status import MirrorStatus
from nexus.recovery.places.tests.sites import Site, home, tree

ONE, TWO = (f"00000001000000000000000{number}" for number in (1, 2))
FULL = "20261126T023000Z-full"


@pytest.fixture
def source(tmp_path: Path) -> Directory:
    return Directory("local", tmp_path / "local", proves=False)


@pytest.fixture
def target(tmp_path: Path) -> Directory:
    return Directory("usb", tmp_path / "usb", Marker("usb", tmp_path / "memory" / "usb"))


@pytest.fixture
def stored(source: Directory, tmp_path: Path) -> Callable[..., Any]:
    async def put(*keys: str, place: Place = source, size: int = 5000) -> list[Entry]:
        for key in keys:
            file = tmp_path / "new"
            file.write_bytes(os.urandom(size))
            await place.put(key, file)
        return [entry for entry in await place.entries() if entry.key in keys]

    return put


@contextlib.asynccontextmanager
async def running(mirror: Mirror) -> AsyncIterator[None]:
    task = asyncio.create_task(mirror.run())
    try:
        yield
    finally:
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.02)


async def mirror(source: Place, target: Place, scratch: Path) -> MirrorStatus:
    """Copies once what is lacking."""
    made = Mirror(source, target, scratch)
    await made.catch_up()
    return made.status()


def fast(source: Place, target: Place, scratch: Path, **other: Any) -> Mirror:
    return Mirror(source, target, scratch, rescan=0.05, first=0.05, **other)


async def test_a_place_of_each_kind_gets_all_and_the_same(
    site: Site, source: Directory, stored: Callable[..., Any], tmp_path: Path
) -> None:
    keys = [layout.REPOSITORY, layout.segment(ONE), layout.part(FULL, 1), layout.manifest(FULL)]
    await stored(*keys)
    there = site.open()
    status = await mirror(source, there, tmp_path / "scratch")
    assert (status.keys, status.error, status.copied) == (0, "", 4)
    back = Directory("back", tmp_path / "back")
    await mirror(there, back, tmp_path / "scratch")  # and out of it again
    for key in keys:
        assert back.file(key).read_bytes() == source.file(key).read_bytes()
    assert not list(tree(tmp_path / "scratch"))


async def test_what_comes_into_being_comes_over_and_what_is_superseded_goes(
    source: Directory, target: Directory, stored: Callable[..., Any], tmp_path: Path
) -> None:
    made = fast(source, target, tmp_path / "scratch")
    chunk, whole = layout.chunk(ONE, 0, 5000), layout.segment(ONE)
    async with running(made):
        await stored(chunk)
        await until(lambda: target.file(chunk).exists())
        made.notice(await stored(whole))
        await source.delete([chunk])
        await until(lambda: target.file(whole).exists() and not target.file(chunk).exists())
        await stored(layout.manifest(FULL))
        await until(lambda: target.file(layout.manifest(FULL)).exists() and made.status().keys == 0)


async def test_it_outlives_an_outage_and_knows_what_is_lacking_meanwhile(
    source: Directory, target: Directory, stored: Callable[..., Any], tmp_path: Path
) -> None:
    made = fast(source, target, tmp_path / "scratch")
    await stored(layout.segment(ONE))
    async with running(made):
        await until(lambda: made.status().copied == 1)
        (tmp_path / "usb").rename(tmp_path / "away")
        await stored(layout.segment(TWO), layout.part(FULL, 1))
        await until(lambda: bool(made.status().error) and made.status().keys == 2)
        away = made.status()
        assert away.known
        assert "is it mounted" in away.error
        assert away.since is not None
        assert [entry.key for entry in made.lacking("wal/")] == [layout.segment(TWO)]
        (tmp_path / "away").rename(tmp_path / "usb")
        await until(lambda: not made.status().keys and not made.status().error)
    assert len(await target.entries()) == 3


async def test_other_bytes_in_a_place_do_not_keep_the_rest_from_it(
    source: Directory, target: Directory, stored: Callable[..., Any], tmp_path: Path
) -> None:
    await stored(layout.segment(ONE), layout.segment(TWO))
    await stored(layout.segment(ONE), place=target, size=100)
    made = fast(source, target, tmp_path / "scratch")
    with pytest.raises(Conflict, match=ONE):
        await made.catch_up()
    assert target.file(layout.segment(TWO)).exists()
    assert list(made.status().refused) == [layout.segment(ONE)]
    assert made.status().keys == 1
    target.file(layout.segment(ONE)).unlink()  # as the message says
    await mirror(source, target, tmp_path / "scratch")
    assert target.file(layout.segment(ONE)).read_bytes() == source.file(layout.segment(ONE)).read_bytes()


async def test_a_backup_on_a_slow_line_does_not_hold_up_wal(
    source: Directory, target: Directory, stored: Callable[..., Any], tmp_path: Path
) -> None:
    await stored(layout.part(FULL, 1), layout.part(FULL, 2))
    made = fast(source, target, tmp_path / "scratch", rate=1.0)  # the second part waits for 5000 seconds
    async with running(made):
        await until(lambda: target.file(layout.part(FULL, 1)).exists())
        await stored(layout.segment(ONE), layout.segment(TWO))
        await until(lambda: not made.lacking(layout.WAL) and target.file(layout.segment(TWO)).exists())
        assert not target.file(layout.part(FULL, 2)).exists()


async def test_it_deletes_nothing_that_retention_did_not(
    source: Directory, target: Directory, stored: Callable[..., Any], tmp_path: Path
) -> None:
    keys = [layout.manifest(FULL), layout.part(FULL, 1), layout.segment(ONE)]
    await stored(*keys)
    await mirror(source, target, tmp_path / "scratch")
    assert (await forget(source, keys)).locked == {}
    await mirror(source, target, tmp_path / "scratch")
    assert len(await target.entries()) == 3
    assert (await forget(target, keys)).deleted == tuple(sorted(keys))
    assert await target.entries() == ()


async def test_of_a_backup_whose_manifest_is_locked_nothing_is_forgotten(
    bucket: Callable[..., dict[str, Any]], stored: Callable[..., Any], tmp_path: Path
) -> None:
    manifest = bucket(locks=True)
    site = Site(manifest, home(tmp_path / "home", "access:secret"))
    part, last = layout.part(FULL, 1), layout.manifest(FULL)
    await stored(part, layout.segment(ONE), place=site.open())  # not locked
    site.manifest["lock"] = "1d"
    place = site.open()
    await stored(last, place=place)
    told = await forget(place, [part, last, layout.segment(ONE)])
    assert told.deleted == (layout.segment(ONE),)
    assert told.locked.keys() == {part, last}
    assert [entry.key for entry in await place.entries()] == [part, last]
    await site.close()


async def test_what_a_killed_mirror_left_is_cleared(
    source: Directory, target: Directory, tmp_path: Path
) -> None:
    killed = await asyncio.create_subprocess_exec("true")
    await killed.wait()
    left = tmp_path / "scratch" / f"mirror-{killed.pid}-x"
    left.mkdir(parents=True)
    (left / "file").touch()
    await mirror(source, target, tmp_path / "scratch")
    assert not left.exists()


async def test_killed_again_and_again_it_arrives_whole(
    source: Directory, target: Directory, stored: Callable[..., Any], tmp_path: Path
) -> None:
    keys = [layout.part(FULL, number) for number in range(1, 16)] + [layout.manifest(FULL)]
    await stored(*keys, size=1 << 20)
    told = [tmp_path / name for name in ("local", "usb", "memory/usb", "scratch")]
    for whole in (2, 5, 9):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(Path(__file__).with_name("mirroring.py")), *map(str, told), str(4 << 20)
        )
        await until(lambda whole=whole: len(list((tmp_path / "usb").rglob("0*"))) >= whole)  # type: ignore[misc]
        process.kill()
        await process.wait()
        there = await target.entries()
        assert layout.manifest(FULL) not in {entry.key for entry in there} or len(there) == len(keys)
        for entry in there:
            assert target.file(entry.key).read_bytes() == source.file(entry.key).read_bytes()
    await mirror(source, target, tmp_path / "scratch")
    assert [entry.key for entry in await target.entries()] == sorted(keys)
    for key in keys:
        assert target.file(key).read_bytes() == source.file(key).read_bytes()
    assert not list((tmp_path / "usb").rglob("*.part"))
    assert not list(tree(tmp_path / "scratch"))
