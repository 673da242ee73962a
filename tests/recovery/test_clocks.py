"""Clocks that are put back or forward, by law or by mistake: a restore goes by what was committed when."""

from __future__ import annotations

import struct
import time
import zoneinfo
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nexus.recovery import layout
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.errors import Unreachable
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.moment import NoMoment, moment
from nexus.recovery.restoring.scratch import restored
from nexus.recovery.restoring.target import Target

from .conftest import Stored, count

HOUR = 3600


def zone_file(change: int, before: int, after: int) -> bytes:
    """A time zone whose clock changes once (RFC 8536, version 1 and 2). Offsets in seconds."""

    def block(width: str) -> bytes:
        head = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 1, 2, 8)
        types = struct.pack(">lbB", before, 0, 0) + struct.pack(">lbB", after, 1, 4)
        return head + struct.pack(f">{width}", change) + b"\1" + types + b"OLD\0NEW\0"

    return block("l") + block("q") + b"\n\n"


@pytest.fixture
def zones(tmp_path: Path, stored: Stored) -> Iterator[int]:
    """The zones Put/Back and Put/Forward, whose clocks change just before the sales; gives that second."""
    change = int(min(stored.moments)) - 60
    (tmp_path / "Put").mkdir()
    (tmp_path / "Put" / "Back").write_bytes(zone_file(change, HOUR, 0))
    (tmp_path / "Put" / "Forward").write_bytes(zone_file(change, 0, HOUR))
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    yield change
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


async def sold_at(stored: Stored, room: Path, at: float) -> int:
    """How many sales a restore to a moment has."""
    choice = await choose(stored.living.repository, Target("time", at=at, timeline=1))
    async with restored(choice, stored.living.repository, room / "place") as (cluster, _):
        return await count(cluster)


async def test_a_time_that_comes_twice_is_asked_for_and_each_reading_is_its_own_instant(
    stored: Stored, room: Path, zones: int
) -> None:
    at, sold = sorted(stored.moments.items())[-2]
    local = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    with pytest.raises(NoMoment, match="comes twice in Put/Back") as told:
        moment(local.isoformat(" "), time.time(), "Put/Back")
    first, second = (told.value.sentence.values[name] for name in ("first", "second"))
    assert moment(second, time.time(), "Put/Back") == pytest.approx(at, abs=1e-3)
    assert await sold_at(stored, room, moment(second, time.time(), "Put/Back")) == sold
    earlier = moment(first, time.time(), "Put/Back")
    assert earlier == pytest.approx(at - HOUR, abs=1e-3)
    with pytest.raises(Unreachable, match=r"cannot be reached\. Reachable is from"):
        await choose(stored.living.repository, Target("time", at=earlier), zone="Put/Back")


async def test_a_time_that_never_comes_is_told_and_those_beside_it_are_reached(
    stored: Stored, zones: int
) -> None:
    skipped = datetime.fromtimestamp(zones + 60, UTC).replace(tzinfo=None)
    with pytest.raises(NoMoment, match="does not exist in Put/Forward"):
        moment(skipped.isoformat(" "), time.time() + 2 * HOUR, "Put/Forward")
    before = datetime.fromtimestamp(zones - 1, UTC).replace(tzinfo=None).isoformat(" ")
    assert moment(before, time.time(), "Put/Forward") == zones - 1
    at = max(stored.moments)
    after = datetime.fromtimestamp(at + HOUR, UTC).replace(tzinfo=None).isoformat(" ")
    assert moment(after, time.time(), "Put/Forward") == pytest.approx(at, abs=1e-3)


async def shifted(stored: Stored, seconds: float, name: str) -> Repository:
    """The same repository as if this machine's clock had been wrong whenever a backup was taken."""
    repository = stored.living.copy(name)
    for backup in (stored.full, stored.incremental):
        wrong = _shifted(backup, seconds)
        await repository.first.delete([layout.manifest(backup.id)])
        await repository.put(layout.manifest(backup.id), wrong.json())
    return repository


def _shifted(backup: BackupManifest, seconds: float) -> BackupManifest:
    totals = replace(backup.totals, at=backup.totals.at + seconds) if backup.totals else None
    return replace(backup, began=backup.began + seconds, ended=backup.ended + seconds, totals=totals)


@pytest.mark.parametrize("seconds", [-2 * HOUR, 2 * HOUR])
async def test_a_clock_that_was_wrong_moves_no_restore(stored: Stored, seconds: float) -> None:
    repository = await shifted(stored, seconds, f"wrong-by-{seconds}")
    known = sorted(stored.moments)[:-1]  # something was sold after each of them
    for target in (Target("latest"), *(Target("time", at=at, timeline=1) for at in known)):
        wrong, right = await choose(repository, target), await choose(stored.living.repository, target)
        assert (wrong.lsn, wrong.at, wrong.backup.id) == (right.lsn, right.at, right.backup.id)
        assert wrong.legs == right.legs


async def test_a_backup_taken_after_the_clock_was_put_back_is_the_newest_all_the_same(
    stored: Stored,
) -> None:
    """The one before it says that it was taken tomorrow."""
    found = stored.living
    ahead = replace(found, repository=found.copy("tomorrow"))
    tomorrow = replace(
        stored.incremental,
        id=layout.new_id("incremental", time.time() + 86_400),
        began=time.time() + 86_400,
        ended=time.time() + 86_401,
    )
    await ahead.repository.put(layout.manifest(tomorrow.id), tomorrow.json())
    taken = await ahead.back_up("full")
    assert (await ahead.repository.ids())[-1] == taken.id
    choice = await choose(ahead.repository, Target("latest", timeline=1))
    assert choice.backup.id == taken.id
