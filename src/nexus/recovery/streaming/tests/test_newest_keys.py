"""What is sealed after a recovery kit was made is sealed for it, without a second's delay."""

from pathlib import Path

import pytest

from nexus.recovery.errors import WrongKey
from nexus.recovery.kit import make_kit
from nexus.recovery.places.directory import Directory
from nexus.recovery.sealing import Keys, load_keys
from nexus.recovery.streaming.depot import Depot
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home
from nexus.stack.recovering import RecoveryPolicy


async def test_the_kit_opens_the_very_next_file_and_the_stack_all(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.furnish()
    depot = Depot(home, Told(tmp_path, tmp_path / "url", RecoveryPolicy.model_validate({})), {})
    await depot.repository.put("wal/before", b"before")
    kit = make_kit(home)
    await depot.sealer.repository.put("wal/after", b"after")
    reads = depot.repository
    assert isinstance(reads.first, Directory)
    assert [await reads.read(key) for key in ("wal/before", "wal/after")] == [b"before", b"after"]
    theirs = type(reads)(reads.places, Keys((), kit.identity), reads.scratch, home)
    assert await theirs.read("wal/after") == b"after"
    with pytest.raises(WrongKey):
        await theirs.read("wal/before")
    assert load_keys(home).recipients[1] == kit.recipient
    await depot.close(leaves=False)
