"""What a killed backup has left goes in every place of its cluster; what others store there stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.recovery import layout
from nexus.recovery.backups.leftovers import clear_leftovers, note_begun
from nexus.recovery.errors import PlaceError
from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import Keys, new_identity, recipient_of
from nexus.recovery.streaming.belonging import claim

KILLED, OTHERS = "20261126T100000Z-full", "20261126T110000Z-full"


class Places:
    """Two of them, and what a home notes."""

    def __init__(self, room: Path) -> None:
        identity = new_identity()
        self.near, self.far = (Directory(name, room / name, proves=False) for name in ("near", "far"))
        self.repository = Repository(
            (self.near, self.far), Keys((recipient_of(identity),), identity), room / "scratch"
        )
        self.work, self.begun, self.room = room / "work", room / "begun", room

    async def put(self, place: Directory, key: str) -> None:
        with self.repository.file() as file:
            file.write_bytes(b"part")
            await place.put(key, file)

    async def clear(self) -> tuple[str, ...]:
        return await clear_leftovers(self.repository, self.work, self.begun)

    async def left(self, place: Directory) -> list[str]:
        return [entry.key.split("/")[1] for entry in await place.entries(layout.BACKUPS)]

    async def claim(self, place: Directory, system: str) -> None:
        await claim(Repository((place,), self.repository.keys, self.repository.scratch), system)


@pytest.fixture
async def places(tmp_path: Path) -> Places:
    found = Places(tmp_path)
    note_begun(found.begun, KILLED)
    for place in (found.near, found.far):
        await found.put(place, layout.part(KILLED, 1))
    await found.claim(found.near, "1")
    return found


async def test_only_what_this_home_began_goes_elsewhere(places: Places) -> None:
    await places.claim(places.far, "1")
    await places.put(places.far, layout.part(OTHERS, 1))
    assert await places.clear() == (KILLED,)
    assert (await places.left(places.near), await places.left(places.far)) == ([], [OTHERS])
    assert not list(places.begun.iterdir())


async def test_another_clusters_place_is_left_alone(places: Places) -> None:
    await places.claim(places.far, "2")
    await places.clear()
    assert (await places.left(places.near), await places.left(places.far)) == ([], [KILLED])


async def test_a_place_that_was_away_is_cleared_later(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(prefix: str = "") -> None:
        raise PlaceError("it does not answer")

    await places.claim(places.far, "1")
    with monkeypatch.context() as patched:
        patched.setattr(places.far, "entries", away)
        assert await places.clear() == (KILLED,)
    assert await places.left(places.far) == [KILLED]
    assert await places.clear() == (KILLED,)
    assert (await places.left(places.far), list(places.begun.iterdir())) == ([], [])


async def test_what_became_whole_stays(places: Places) -> None:
    await places.claim(places.far, "1")
    await places.put(places.near, layout.manifest(KILLED))
    assert await places.clear() == ()
    assert KILLED in await places.left(places.near)
    assert await places.left(places.far) == [KILLED]
    assert not list(places.begun.iterdir())
