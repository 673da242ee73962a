"""What pg_receivewal writes is sealed byte by byte, in few pieces, whoever is killed in between."""

from __future__ import annotations

import os
import random
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.recovery import layout, lsn
from nexus.recovery.backups.manifest import Stored
from nexus.recovery.errors import Locked, PlaceError
from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import Keys, new_identity, recipient_of
from nexus.recovery.streaming.chunks import MANY
from nexus.recovery.streaming.fetch import read_wal
from nexus.recovery.streaming.position import Contradicts
from nexus.recovery.streaming.received import PAGE
from nexus.recovery.streaming.sealer import Sealer, Written

SIZE = 1 << 20  # the smallest segment that PostgreSQL has
FIRST, SECOND, THIRD = (lsn.segment(1, SIZE * n, SIZE) for n in (1, 2, 3))


class Wal:
    """A folder of pg_receivewal's, written to as it does."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.bytes = {name: self._bytes(random.Random(f"{name} {seed}")) for name in (FIRST, SECOND, THIRD)}
        folder.mkdir(parents=True)

    def _bytes(self, chance: random.Random) -> bytes:
        """Each page begins with a number; zeros are anywhere else, also at the end."""
        page = b"\x18\xd1" + b"\x00" * 200 + chance.randbytes(PAGE - 302) + b"\x00" * 100
        return b"".join(page[:2] + chance.randbytes(16) + page[18:] for _ in range(SIZE // PAGE))

    def write(self, name: str, end: int) -> None:
        """The segment is filled up to a byte."""
        with open(self.folder / f"{name}.partial", "wb") as file:
            file.write(self.bytes[name][:end].ljust(SIZE, b"\x00"))

    def finish(self, name: str) -> None:
        """The segment is full."""
        self.write(name, SIZE)
        os.replace(self.folder / f"{name}.partial", self.folder / name)


class Archive:
    """A repository of one folder, and whoever seals into it."""

    def __init__(self, root: Path) -> None:
        identity = new_identity()
        self.place = Directory("local", root / "local")
        self.repository = Repository(
            (self.place,), Keys((recipient_of(identity),), identity), root / "scratch"
        )
        self.told: list[Stored] = []

    def sealer(self) -> Sealer:
        """One that has just been started."""
        return Sealer(self.repository, self.told.append)

    async def keys(self) -> list[str]:
        """What is stored."""
        return [entry.key for entry in await self.place.entries("wal/")]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


async def test_a_segment_that_grows_is_sealed_in_few_pieces_and_reads_the_same(
    archive: Archive, tmp_path: Path
) -> None:
    wal, sealer, chance = Wal(tmp_path / "wal", 1), archive.sealer(), random.Random(7)
    end = most = 0
    while end < SIZE - 20_000:
        end += chance.randrange(1, 20_000)
        wal.write(FIRST, end)
        await sealer.seal([wal.folder])
        most = max(most, len(await archive.keys()))
        if chance.random() < 0.1:
            sealer = archive.sealer()
            assert await read_wal(archive.repository, FIRST, SIZE) == wal.bytes[FIRST][:end].ljust(
                SIZE, b"\0"
            )
    assert 2 < most <= MANY + 1
    wal.finish(FIRST)
    await sealer.seal([wal.folder])
    assert await archive.keys() == [layout.segment(FIRST)]
    assert await read_wal(archive.repository, FIRST, SIZE) == wal.bytes[FIRST]


async def test_zeros_at_the_end_count_where_the_server_says_so(archive: Archive, tmp_path: Path) -> None:
    wal, sealer = Wal(tmp_path / "wal", 1), archive.sealer()
    wal.write(FIRST, 150)  # after the second byte, and 16 more, come zeros
    await sealer.seal([wal.folder])
    assert sealer.held.end(FIRST, SIZE) == 18
    await sealer.seal([wal.folder], Written(1, SIZE + 150))
    assert sealer.held.end(FIRST, SIZE) == 150
    await sealer.seal([wal.folder], Written(1, SIZE + 150))
    assert len(await archive.keys()) == 2
    await sealer.seal([wal.folder], Written(1, 5 * SIZE))  # that is of another segment
    assert sealer.held.end(FIRST, SIZE) == 150


async def test_whole_segments_go_once_they_are_sealed(archive: Archive, tmp_path: Path) -> None:
    wal, sealer = Wal(tmp_path / "wal", 1), archive.sealer()
    wal.finish(FIRST)
    wal.finish(SECOND)
    wal.write(THIRD, 500)
    await sealer.seal([wal.folder])
    kept = {each.name for each in wal.folder.iterdir()}
    assert kept == {FIRST, SECOND, f"{THIRD}.partial"}  # pg_receivewal goes on after them
    later = wal.folder.with_name("later")
    later.mkdir()
    await sealer.seal([wal.folder, later])
    assert not wal.folder.exists()
    assert [layout.segment_of(key) or key for key in await archive.keys()][:2] == [FIRST, SECOND]


async def test_what_a_killed_one_left_is_put_in_order(archive: Archive, tmp_path: Path) -> None:
    wal = Wal(tmp_path / "wal", 1)
    for start, end in ((0, 100), (100, 300), (0, 300)):  # put together, and killed before it could delete
        await archive.repository.put(layout.chunk(FIRST, start, end), wal.bytes[FIRST][start:end])
    wal.write(FIRST, 400)
    sealer = archive.sealer()
    await sealer.seal([wal.folder])
    assert await archive.keys() == [layout.chunk(FIRST, 0, 300), layout.chunk(FIRST, 300, 400)]


async def test_what_others_deleted_is_sealed_again(archive: Archive, tmp_path: Path) -> None:
    wal, sealer = Wal(tmp_path / "wal", 1), archive.sealer()
    wal.write(FIRST, 5000)
    await sealer.seal([wal.folder])
    await archive.place.delete(await archive.keys())
    sealer.forget()
    await sealer.seal([wal.folder])
    assert (await read_wal(archive.repository, FIRST, SIZE))[:5000] == wal.bytes[FIRST][:5000]


async def test_what_cannot_be_stored_stays_and_is_sealed_later(archive: Archive, tmp_path: Path) -> None:
    wal, sealer = Wal(tmp_path / "wal", 1), archive.sealer()
    wal.finish(FIRST)
    wal.finish(SECOND)
    wal.finish(THIRD)
    (tmp_path / "local").write_text("no folder")
    with pytest.raises(PlaceError):
        await sealer.seal([wal.folder])
    assert {each.name for each in wal.folder.iterdir()} == {FIRST, SECOND, THIRD}
    (tmp_path / "local").unlink()
    await sealer.seal([wal.folder])
    assert len(await archive.keys()) == 3


async def test_the_server_is_not_believed_where_the_file_says_otherwise(
    archive: Archive, tmp_path: Path
) -> None:
    wal, sealer = Wal(tmp_path / "wal", 1), archive.sealer()
    wal.write(FIRST, 0)  # made a moment ago: nothing of it is received
    await sealer.seal([wal.folder], Written(1, SIZE + 5000))
    wal.write(FIRST, 150)
    await sealer.seal([wal.folder], Written(2, SIZE + 150))  # another timeline's
    await sealer.seal([wal.folder], Written(1, SIZE + PAGE + 100))  # that page would have begun with a number
    assert await archive.keys() == [layout.chunk(FIRST, 0, 18)]


@pytest.mark.parametrize("growing", [True, False])
async def test_what_contradicts_is_never_sealed_behind_what_is_there(
    archive: Archive, tmp_path: Path, growing: bool
) -> None:
    wal, other = Wal(tmp_path / "wal" / "00001", 1), Wal(tmp_path / "wal" / "00002", 2)
    wal.write(FIRST, 5000)
    await archive.sealer().seal([wal.folder])
    before, sealer = await archive.keys(), archive.sealer()
    other.write(FIRST, 100)
    await sealer.seal([wal.folder, other.folder])
    assert sealer.doubtful
    other.finish(FIRST)
    other.write(SECOND, 700)
    for each in (sealer, archive.sealer()):  # and the next process
        with pytest.raises(Contradicts) as found:
            await each.seal([other.folder], Written(1, 2 * SIZE + 700), growing)
        assert found.value.folder == other.folder
    assert await archive.keys() == before
    assert (other.folder / FIRST).exists()


async def test_what_comes_anew_and_is_the_same_goes_on(archive: Archive, tmp_path: Path) -> None:
    wal, again = Wal(tmp_path / "wal" / "00001", 1), Wal(tmp_path / "wal" / "00002", 1)
    wal.write(FIRST, 5000)
    await archive.sealer().seal([wal.folder])
    before, sealer = await archive.keys(), archive.sealer()
    again.write(FIRST, 4000)
    await sealer.seal([wal.folder, again.folder])
    assert (await archive.keys(), sealer.doubtful, wal.folder.exists()) == (before, True, False)
    again.write(FIRST, 6000)
    await sealer.seal([again.folder])
    assert (sealer.doubtful, sealer.held.end(FIRST, SIZE)) == (False, 6000)
    await archive.sealer().seal([again.folder], growing=False)
    assert not again.folder.exists()


async def test_a_damaged_chunk_is_sealed_anew_from_what_is_received(archive: Archive, tmp_path: Path) -> None:
    wal, sealer = Wal(tmp_path / "wal", 1), archive.sealer()
    for end in (1000, 2000, 3000):
        wal.write(FIRST, end)
        await sealer.seal([wal.folder])
    for key in (layout.chunk(FIRST, 0, 1000), layout.chunk(FIRST, 1000, 2000)):
        file = archive.place.file(key)
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert await sealer.heal(layout.chunk(FIRST, 0, 1000), [wal.folder])  # a mirror found it
    wal.write(FIRST, 4000)
    await archive.sealer().seal([wal.folder])  # the next process compares, and finds the other
    assert await read_wal(archive.repository, FIRST, SIZE) == wal.bytes[FIRST][:4000].ljust(SIZE, b"\0")


class Undeletable(Directory):
    async def delete(self, keys: Collection[str]) -> None:
        if keys:
            raise Locked("they are immutable", dict.fromkeys(keys))


async def test_what_cannot_be_deleted_stops_nothing(archive: Archive, tmp_path: Path) -> None:
    archive.repository = replace(archive.repository, places=(Undeletable("local", tmp_path / "local"),))
    wal, sealer = Wal(tmp_path / "wal", 1), archive.sealer()
    wal.write(FIRST, 5000)
    await sealer.seal([wal.folder])
    wal.finish(FIRST)
    wal.write(SECOND, 300)
    await sealer.seal([wal.folder])
    assert await archive.keys() == [
        layout.segment(FIRST),
        layout.chunk(FIRST, 0, 5000),
        layout.chunk(SECOND, 0, 300),
    ]
