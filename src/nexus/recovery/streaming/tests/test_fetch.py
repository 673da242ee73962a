"""A recovering server gets exactly the WAL that was sealed, or learns why it does not."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.recovery import layout, lsn
from nexus.recovery.errors import Damaged, Missing, PlaceError
from nexus.recovery.places.directory import Directory
from nexus.recovery.places.marker import Marker
from nexus.recovery.repository import Repository
from nexus.recovery.sealing.keyring import load_keys
from nexus.recovery.streaming.coverage import Span, coverage
from nexus.recovery.streaming.fetch import fetch_wal, read_wal
from nexus.runtimes.home import Home

SIZE = 1 << 20
DATA = random.Random(3).randbytes(SIZE)
ONE, TWO = lsn.segment(1, SIZE, SIZE), lsn.segment(1, 2 * SIZE, SIZE)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    home = Home.at(tmp_path / "home")
    home.furnish()
    places = (Directory("local", home.root / "backups"), Directory("second", tmp_path / "second"))
    return Repository(places, load_keys(home), tmp_path / "scratch")


async def store(repository: Repository, key: str, data: bytes) -> None:
    """In both places."""
    await repository.put(key, data)
    for place in repository.places[1:]:
        assert isinstance(repository.first, Directory)
        await place.put(key, repository.first.file(key))


async def test_a_damaged_copy_is_passed_over_for_another_places(
    repository: Repository, tmp_path: Path
) -> None:
    await store(repository, layout.segment(ONE), DATA)
    assert isinstance(repository.first, Directory)
    file = repository.first.file(layout.segment(ONE))
    file.chmod(0o600)
    flipped = bytearray(file.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    file.write_bytes(flipped)
    await fetch_wal(repository, ONE, tmp_path / "to", SIZE)
    assert (tmp_path / "to").read_bytes() == DATA
    alone = Repository(repository.places[:1], repository.keys, repository.scratch)
    with pytest.raises(Damaged):
        await fetch_wal(alone, ONE, tmp_path / "none", SIZE)
    assert not (tmp_path / "none").exists()


async def test_chunks_are_put_together_in_any_overlap(repository: Repository) -> None:
    for start, end in ((0, 100), (100, 5000), (50, 4000), (5000, 9001)):
        await repository.put(layout.chunk(ONE, start, end), DATA[start:end])
    assert await read_wal(repository, ONE, SIZE) == DATA[:9001].ljust(SIZE, b"\0")


async def test_a_hole_is_damage_and_the_end_is_none(repository: Repository) -> None:
    await repository.put(layout.chunk(ONE, 0, 100), DATA[:100])
    await repository.put(layout.chunk(ONE, 200, 300), DATA[200:300])
    with pytest.raises(Damaged, match="300 bytes"):
        await read_wal(repository, ONE, SIZE)
    for name in (TWO, "00000002.history", f"{ONE}.00000028.backup"):
        with pytest.raises(Missing):
            await read_wal(repository, name, SIZE)


async def test_spans_end_where_something_is_missing(repository: Repository) -> None:
    names = [lsn.segment(1, SIZE * n, SIZE) for n in (1, 2, 4)]
    for name in names:
        await repository.put(layout.segment(name), b"")
    await repository.put(layout.chunk(lsn.segment(1, SIZE * 5, SIZE), 0, 4001), b"")
    await repository.put(layout.chunk(lsn.segment(2, SIZE * 5, SIZE), 0, 8), b"")
    assert await coverage(repository, SIZE) == (
        Span(1, SIZE, 3 * SIZE),
        Span(1, 4 * SIZE, 5 * SIZE + 4008),  # records end at multiples of 8
        Span(2, 5 * SIZE, 5 * SIZE + 8),
    )


async def test_a_place_that_does_not_answer_may_have_it(repository: Repository, tmp_path: Path) -> None:
    marker = Marker("second", tmp_path / "memory")
    marker.remember("a disk")
    away = Directory("second", tmp_path / "not mounted", marker)
    both = replace(repository, places=(repository.first, away))
    await both.put(layout.segment(ONE), DATA)
    assert await read_wal(both, ONE, SIZE) == DATA
    assert [entry.key for entry in await both.entries("wal/")] == [layout.segment(ONE)]
    assert (await both.listing("wal/")).silent.keys() == {"second"}
    with pytest.raises(PlaceError, match="may be elsewhere") as found:
        await read_wal(both, TWO, SIZE)
    assert not isinstance(found.value, Missing)
    with pytest.raises(Missing):  # servers ask for timelines that never were
        await read_wal(both, "00000002.history", SIZE)
