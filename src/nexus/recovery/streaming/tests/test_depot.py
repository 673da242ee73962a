"""Whose files the local place has, and with which keys: what is wrong is mended, or stops no receiving."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nexus.recovery import layout
from nexus.recovery.errors import Damaged, WrongKey
from nexus.recovery.kit import make_kit
from nexus.recovery.sealing import load_keys
from nexus.recovery.streaming import belonging, rooms
from nexus.recovery.streaming.depot import Depot
from nexus.recovery.streaming.status import StreamStatus
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home
from nexus.stack.recovering import RecoveryPolicy

PLACES = {"second": {"kind": "directory", "path": "second"}}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.at(tmp_path / "home")
    made.furnish()
    rooms.root(made)
    return made


@pytest.fixture
async def depot(home: Home) -> AsyncIterator[Depot]:
    policy = RecoveryPolicy.model_validate({"places": PLACES})
    made = Depot(home, Told(home.root.parent, home.root / "url", policy), {})
    yield made
    await made.close(leaves=False)


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[25] ^= 1
    file.write_bytes(content)


async def test_a_cluster_that_comes_back_gets_its_backups_back(depot: Depot, home: Home) -> None:
    await depot.claim("111")
    await depot.repository.put("wal/00000001/000000010000000000000001", b"")
    (rooms.wal(home) / "111").mkdir(parents=True)
    (rooms.wal(home) / "111" / "pgpass.5432").touch()
    await depot.claim("222")
    assert [each.key for each in await depot.repository.first.entries("wal/")] == []
    assert (home.root / "backups-of-111" / "repository").exists()
    assert rooms.systems(home) == ()
    await depot.claim("111")
    assert len(await depot.repository.first.entries("wal/")) == 1
    assert sorted(each.name for each in home.root.glob("backups*")) == ["backups", "backups-of-222"]


@pytest.mark.parametrize("witness", ["second", "stream", "nobody"])
async def test_a_damaged_word_on_whose_backups_they_are_is_written_anew(
    depot: Depot, home: Home, witness: str
) -> None:
    await belonging.claim(depot.repository, "111")
    file = home.root / "backups" / layout.REPOSITORY
    if witness == "second":
        await depot.repository.places[1].put(layout.REPOSITORY, file)
    if witness == "stream":
        StreamStatus(1.0, 1.0, 1, "streaming", system="111").write(rooms.status(home))
    good = file.read_bytes()
    damage(file)
    if witness == "nobody":
        with pytest.raises(Damaged):
            await depot.claim("111")
        return
    with pytest.raises(Damaged):
        await depot.claim("222")
    await depot.claim("111")
    assert file.read_bytes() == good


async def test_a_damaged_kit_keeps_nothing_from_being_sealed(depot: Depot, home: Home) -> None:
    make_kit(home)
    await depot.claim("111")
    depot._read_keys()
    known = depot.repository.keys.recipients
    (home.secrets / "recovery" / "kit").write_text("{")
    with pytest.raises(WrongKey):
        load_keys(home)
    depot._read_keys()
    assert (depot.repository.keys.recipients, len(known)) == (known, 2)
    assert "kit" in depot.kit_fault
    await depot.repository.put("wal/a", b"a")
    assert await depot.repository.read("wal/a") == b"a"
    another = Depot(home, Told(home.root, home.root / "url", RecoveryPolicy.model_validate({})), {})
    assert another.repository.keys.recipients == known[:1]
    await another.seal(None)
    assert "own key alone" in another.kit_fault
    await another.close(leaves=False)


async def test_a_lost_identity_is_not_replaced_and_told(depot: Depot, home: Home) -> None:
    await depot.claim("111")
    identity = home.secrets / "recovery" / "identity"
    key = identity.read_text()
    identity.unlink()
    with pytest.raises(WrongKey, match="put it back"):
        load_keys(home)
    assert not identity.exists()
    without = Depot(home, Told(home.root, home.root / "url", RecoveryPolicy.model_validate({})), {})
    with pytest.raises(WrongKey, match="put it back"):
        await without.seal(None)
    identity.write_text(key)
    await without.seal(None)
    await without.close(leaves=False)
