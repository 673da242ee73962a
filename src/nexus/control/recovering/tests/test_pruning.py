"""What is deleted goes one after the other, in each place by itself, and never under somebody's hands."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nexus.control.addresses import Refused, planned
from nexus.control.recovering.backups import Backups
from nexus.control.recovering.desk import Desk
from nexus.control.recovering.pruning import in_a_row
from nexus.control.recovering.requests import PruneRequest
from nexus.control.recovering.tests.recovery_facts import DAY, NOW, backup
from nexus.control.recovering.tests.small_stack import STACK, TILL
from nexus.recovery import layout
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.retention import plan_prune
from nexus.recovery.backups.turn import reading
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site
from nexus.stack import load_stack
from nexus.stack.recovering import Keep

OLD, NEW = backup(NOW - DAY), backup(NOW)


def stored(*backups: BackupManifest) -> list[str]:
    """The keys of backups, in the order in which they are stored."""
    return [key for each in backups for key in (*(one.key for one in each.stored), layout.manifest(each.id))]


def test_a_backup_goes_after_those_that_build_on_it_whatever_runs_at_once() -> None:
    full = backup(NOW - 3 * DAY)
    newer = backup(NOW - 2 * DAY, "incremental", full)
    newest = backup(NOW)
    keep = Keep(hourly=1, daily=0, weekly=0, monthly=0)
    keys = stored(full, newer, newest)
    plan = in_a_row(plan_prune("shop", (full, newer, newest), keep, "UTC", {"local": keys}))
    assert [(step.target, step.after) for step in plan.steps] == [
        (newer.id, ()),
        (full.id, (newer.id,)),
    ]


class Pruned:
    """A stack with two places, and what is pruned there."""

    def __init__(self, root: Path) -> None:
        (root / "nexus.yaml").write_text(STACK % (root / "safe"))
        (root / "safe").mkdir()
        (root / "modules" / "till" / "migrations").mkdir(parents=True)
        (root / "modules" / "till" / "module.yaml").write_text(TILL)
        stack, self.home = load_stack(root), Home.at(root / "home")
        self.home.furnish()
        self.desk = Desk(Site(stack, self.home, planned(stack, 0)))
        self.backups = Backups(lambda: self.desk, self.home.database)

    async def put(self, number: int, backup: BackupManifest) -> None:
        """Stores a backup in a place."""
        async with self.desk.repository() as repository:
            alone = replace(repository, places=(repository.places[number],))
            for key in stored(backup)[:-1]:
                await alone.put(key, b"part")
            await alone.put(layout.manifest(backup.id), backup.json())

    async def left(self, number: int) -> set[str]:
        """The backups that a place has."""
        async with self.desk.repository() as repository:
            return {
                each.key.split("/")[1] for each in await repository.places[number].entries(layout.BACKUPS)
            }

    async def prune(self) -> dict[str, Any]:
        """Prunes; returns the outcome."""
        events: list[dict[str, Any]] = []
        await self.backups.prune(PruneRequest(who="carla"), events.append, asyncio.Event())
        return events[-1]


@pytest.fixture
def pruned(tmp_path: Path) -> Iterator[Pruned]:
    found = Pruned(tmp_path)
    yield found
    found.backups.close()


async def test_a_far_place_is_not_emptied_before_the_new_backup_is_there(pruned: Pruned) -> None:
    for place in (0, 1):
        await pruned.put(place, OLD)
    await pruned.put(0, NEW)
    assert (await pruned.prune())["exit_code"] == 0
    assert [await pruned.left(0), await pruned.left(1)] == [{NEW.id}, {OLD.id}]
    await pruned.put(1, NEW)
    assert (await pruned.prune())["exit_code"] == 0
    assert [await pruned.left(0), await pruned.left(1)] == [{NEW.id}, {NEW.id}]


async def test_it_is_refused_while_somebody_reads_and_looking_is_not(pruned: Pruned) -> None:
    for each in (OLD, NEW):
        await pruned.put(0, each)
    async with reading(pruned.home.root / "recovery", "a restore"):
        with pytest.raises(Refused, match=r"has been at a restore since .*; wait until it has ended"):
            await pruned.prune()
        events: list[dict[str, Any]] = []
        asked = PruneRequest(who="carla", plan_only=True)
        await pruned.backups.prune(asked, events.append, asyncio.Event())
        assert [step["target"] for step in events[0]["plan"]["steps"]] == [OLD.id]
    assert await pruned.left(0) == {OLD.id, NEW.id}
    assert (await pruned.prune())["state"] == "done"
    assert await pruned.left(0) == {NEW.id}
