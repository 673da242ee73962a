"""How far a place is, told as it is; nothing goes there before what replaces it has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from nexus.recovery import layout, lsn
from nexus.recovery.layout import Chunk
from nexus.recovery.places import Entry, Pace
from nexus.recovery.places.digest import digest_of
from nexus.recovery.places.directory import Directory
from nexus.recovery.places.pace import FREE
from nexus.recovery.streaming.mirrors import PlaceMirror

SIZE = 16 << 20
FIRST, SECOND, THIRD = (lsn.segment(1, SIZE * n, SIZE) for n in (1, 2, 3))


class Slow(Directory):
    """A line that can be stopped."""

    def __init__(self, name: str, root: Path) -> None:
        super().__init__(name, root, proves=False)
        self.free_line = asyncio.Event()
        self.free_line.set()

    async def put(self, key: str, file: Path, pace: Pace = FREE) -> None:
        await self.free_line.wait()
        await super().put(key, file, pace)


class Line:
    """Two places, and the mirror between them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source, self.target = (
            Directory("local", root / "local", proves=False),
            Slow("second", root / "2"),
        )
        self.mirror = PlaceMirror(self.source, self.target, root / "scratch", None)

    async def store(self, key: str, size: int = 100) -> Entry:
        """Into the first place, as the stream does."""
        file = self.root / "file"
        file.write_bytes(key.encode().ljust(size, b"x"))
        await self.source.put(key, file)
        entry = Entry(key, size, 0.0, digest_of(file))
        file.unlink()
        return entry

    def covered(self, sealed: int) -> int | None:
        """Up to where the other place has it."""
        self.mirror.look(sealed, SIZE)
        return self.mirror.covered

    async def keys(self) -> list[str]:
        """What the other place has."""
        return [entry.key for entry in await self.target.entries()]


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    made = Line(tmp_path)
    yield made
    await made.mirror.stop()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.02)


async def test_chunks_stay_until_what_replaces_them_has_come(line: Line) -> None:
    small = [Chunk(FIRST, at, at + 100) for at in range(0, 500, 100)]
    for each in small:
        await line.store(layout.chunk(*each))
    line.mirror.start("1")
    await until(lambda: line.covered(SIZE + 500) == SIZE + 500)
    line.target.free_line.clear()
    merged = Chunk(FIRST, 0, 500)
    line.mirror.notice(await line.store(layout.chunk(*merged), 500))
    await line.source.delete([layout.chunk(*each) for each in small])
    line.mirror.notice(await line.store(layout.segment(FIRST)))
    await line.source.delete([layout.chunk(*merged)])  # it never came
    await line.mirror._mirror._tidy()
    assert sorted(await line.keys()) == sorted(layout.chunk(*each) for each in small)
    assert line.covered(2 * SIZE) == SIZE + 500
    line.target.free_line.set()
    await until(lambda: line.covered(2 * SIZE) == 2 * SIZE)
    await until(lambda: not line.mirror._mirror._backlog.superseded())
    assert await line.keys() == [layout.segment(FIRST)]


async def test_a_place_that_lost_its_wal_is_told_to_be_behind(line: Line) -> None:
    for name in (FIRST, SECOND, THIRD):
        await line.store(layout.segment(name))
    line.mirror._mirror._relist = 0.1
    line.mirror.start("1")
    await until(lambda: line.covered(4 * SIZE) == 4 * SIZE)
    line.target.free_line.clear()
    line.target.file(layout.segment(SECOND)).unlink()
    await until(lambda: line.covered(4 * SIZE) == 2 * SIZE)
    line.target.free_line.set()
    await until(lambda: line.covered(4 * SIZE) == 4 * SIZE)


async def test_what_was_damaged_before_it_was_copied_is_copied_nowhere(line: Line) -> None:
    good, bad = await line.store(layout.segment(FIRST)), await line.store(layout.segment(SECOND))
    file = line.source.file(bad.key)
    content = file.read_bytes()
    file.write_bytes(b"?" + content[1:])
    line.mirror.notice(good)
    line.mirror.notice(bad)
    line.mirror.start("1")
    await until(lambda: line.mirror.damaged() == (bad.key,))
    assert await line.keys() == [good.key]
    assert "failing" in line.mirror.lag(None, None).error
    file.write_bytes(content)  # it was put there again
    line.mirror.retry(bad.key)
    await until(lambda: line.covered(3 * SIZE) == 3 * SIZE)
    assert await line.keys() == [good.key, bad.key]
    assert line.mirror.damaged() == ()
