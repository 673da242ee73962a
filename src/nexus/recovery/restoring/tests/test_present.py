"""What is the present, and how far it is held: taken-back restores, places that lag, keys that came later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nexus.recovery import layout, lsn
from nexus.recovery.errors import Unreachable, WrongKey
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.replay import Replayed, there
from nexus.recovery.restoring.restore import restore
from nexus.recovery.restoring.scratch import restored
from nexus.recovery.restoring.target import Known, Target
from nexus.recovery.restoring.tests.conftest import History
from nexus.recovery.restoring.tests.living import gone, store_wal
from nexus.recovery.sealing import Keys, new_identity, recipient_of


async def test_what_a_taken_back_restore_left_is_not_the_present(history: History, room: Path) -> None:
    """Its timeline has the higher number; life went on in the one that was restored from."""
    repository = history.living.copy("taken-back")
    at, _ = history.between
    async with restored(await choose(repository, Target("time", at=at)), repository, room / "a") as (
        cluster,
        reached,
    ):
        end = lsn.parse(reached.lsn) + 64
        await store_wal(repository, cluster.data / "pg_wal", reached.timeline, end)
    now = await choose(repository, Target("latest"))
    assert (now.timeline, lsn.parse(now.lsn)) == (1, history.last[0])
    assert f"--timeline {reached.timeline}" in str(now.notes)
    other = await choose(repository, Target("latest", timeline=reached.timeline))
    assert other.timeline == reached.timeline


async def test_wal_that_went_after_the_choice_ends_the_restore(history: History, room: Path) -> None:
    repository = history.living.copy("went")
    choice = await choose(repository, Target("latest"))
    needed = [
        entry.key
        for entry in await repository.entries(layout.WAL)
        if choice.needs(entry.key.rpartition("/")[2][:24])
    ]
    await repository.first.delete([each for each in needed if needed[-1].partition("+")[0] in each])
    with pytest.raises(Unreachable, match="in no place any more"):
        await restore(choice, repository, room / "data")
    assert gone(room)


async def test_a_replay_that_ends_before_the_last_commit_is_no_success(history: History) -> None:
    choice = await choose(history.living.repository, Target("latest"))
    assert choice.last is not None
    ended = Replayed(None, lsn.text(choice.last), 2, "the WAL that was given ends there")
    with pytest.raises(Unreachable, match="the replay ended at"):
        there(ended, choice)
    whole = replace(ended, lsn=choice.lsn)
    assert there(whole, choice) is whole


async def test_a_place_that_lags_does_not_vouch_for_what_it_lacks(history: History) -> None:
    """However new its files are: a copy is as new as its copying."""
    repository = history.living.repository
    latest = await choose(repository, Target("latest"))
    assert latest.at is not None
    ahead = Known(latest.at + 30, latest.timeline, lsn.parse(latest.lsn) + 2_000_000)
    with pytest.raises(Unreachable, match="nobody knows what was committed after that"):
        await choose(repository, Target("time", at=latest.at + 10), known=ahead)
    behind = await choose(repository, Target("latest"), known=ahead)
    assert "behind the living database by 2.0 MB" in str(behind.notes)


async def test_backups_older_than_the_recovery_kit_do_not_hide_the_later_ones(history: History) -> None:
    kit, own = new_identity(), history.living.copy("kit")
    with pytest.raises(WrongKey):
        await choose(replace(own, keys=Keys((recipient_of(kit),), kit)), Target("latest"))
    later = replace(own, keys=Keys((*own.keys.recipients, recipient_of(kit)), own.keys.identity))
    for entry in await own.entries():  # what is stored from then on is sealed for both
        if entry.key.startswith(("backups/", "wal/")) and history.full.id not in entry.key:
            await _sealed_anew(later, entry.key)
    manifest = replace(history.incremental, parent=None)
    await later.first.delete([layout.manifest(manifest.id)])
    await later.put(layout.manifest(manifest.id), manifest.json())
    found = await choose(replace(own, keys=Keys((recipient_of(kit),), kit)), Target("latest"))
    assert found.backup.id == history.incremental.id
    assert history.full.id in str(found.notes)


async def _sealed_anew(repository: Repository, key: str) -> None:
    data = await repository.read(key)
    await repository.first.delete([key])
    await repository.put(key, data)
