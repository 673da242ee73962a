"""Whatever is killed at whatever moment, whatever is away for a while: the company keeps what it was told."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from nexus.control.recovering.desk import Desk
from nexus.recovery import lsn
from nexus.recovery.backups.leftovers import unfinished
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.target import Target
from nexus.recovery.sealing import new_identity
from nexus.recovery.streaming.status import StreamStatus, read_status
from nexus.testing import eventually

from .company import WITHIN, Clerk, Company, company

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def firm() -> Iterator[Company]:
    with company() as found:
        yield found


@pytest.fixture
def chance() -> random.Random:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # shown when it fails
    return random.Random(seed)


def test_targets_outside_are_refused_with_what_can_be_reached(firm: Company) -> None:
    for target in (("--at", "2020-01-01 00:00"), ("--lsn", "FF/0")):
        done = firm.stack.run("restore", *target, "--plan")
        assert done.returncode == 2, done.stdout
        assert "Reachable is from" in done.stderr
    later = firm.stack.run("restore", "--at", "2199-01-01 00:00", "--plan")
    assert (later.returncode, "still to come" in later.stderr) == (2, True)
    twice = firm.stack.run("restore", "--at", "2018-02-17 23:30", "--plan")
    assert (twice.returncode, "2018-02-17T23:30:00-02:00" in twice.stderr) == (2, True)


def test_a_wrong_key_is_told_and_touches_nothing(firm: Company) -> None:
    identity = firm.stack.home / "secrets" / "recovery" / "identity"
    own, pids = identity.read_text(), firm.stack.pids()["db"]
    identity.write_text(new_identity() + "\n")
    try:
        done = firm.stack.run("restore", "--latest", "--yes")
    finally:
        identity.write_text(own)
    assert done.returncode == 2
    assert "sealed for another key" in done.stderr
    assert firm.stack.pids()["db"] == pids
    assert not (firm.stack.home / "recovery" / "restoring" / "begun.json").exists()


def test_a_stream_a_backup_and_a_restore_that_are_killed_lose_nothing(
    firm: Company, chance: random.Random
) -> None:
    """The stream is killed while a clerk writes, then a backup; the database is lost, and the control loop
    in the midst of the restore.
    """
    with Clerk(firm.url) as clerk:
        clerk.more(10)
        for _ in range(3):
            firm.kill_stream()
            clerk.more(chance.randrange(5, 40))
        with firm.begin("backup", "create", "--full", "--json") as backing:
            time.sleep(chance.uniform(0.5, 2.0))  # at any moment is the point
            firm.kill_loop()
        assert backing.returncode is not None
        clerk.more(chance.randrange(5, 40))
        made = firm.outcome("backup", "create")
        assert made["state"] == "done", made
        firm.stream()
        clerk.more(chance.randrange(5, 40))
        firm.lose_database()
    with firm.begin("restore", "--latest", "--yes", "--json") as restoring:
        time.sleep(chance.uniform(0.5, 4.0))
        firm.kill_loop()
    if restoring.returncode:
        ended = _gone_on(firm)
        assert ended["state"] == "done", ended
    assert clerk.acknowledged <= firm.present()
    assert firm.stack.nexus("backup", "verify", "--all")
    assert not asyncio.run(_unfinished(firm))


def _gone_on(firm: Company) -> dict[str, object]:
    """The restore that was killed goes on; where it had not begun, it begins."""
    begun = (firm.stack.home / "recovery" / "restoring" / "begun.json").exists()
    return firm.outcome("restore", "--resume" if begun else "--latest", "--yes")


async def _unfinished(firm: Company) -> object:
    async with Desk.outside(firm.home, firm.stack.root).repository() as repository:
        return unfinished(await repository.first.entries("backups/"))


def test_a_second_place_that_was_away_catches_up(firm: Company) -> None:
    away = firm.safe.with_name(f"{firm.safe.name}-away")
    firm.safe.rename(away)
    try:
        with Clerk(firm.url) as clerk:
            clerk.more(60)  # who waits for the archive waits for no other place
            eventually(lambda: _trouble(firm), WITHIN)
            clerk.more(10)
    finally:
        away.rename(firm.safe)
    end = firm.stream().received_lsn
    assert end is not None
    eventually(lambda: lsn.parse(_safe(firm)) >= lsn.parse(end) and not _trouble(firm), WITHIN)
    reached = asyncio.run(_reached(firm, "safe"))
    assert lsn.parse(reached) >= lsn.parse(end)


def _status(firm: Company) -> StreamStatus:
    found = read_status(firm.home)
    assert found is not None
    return found


def _trouble(firm: Company) -> bool:
    return any((each.kind, each.about) == ("place", "safe") for each in _status(firm).troubles)


def _safe(firm: Company) -> str:
    return next(each.lsn for each in _status(firm).places if each.name == "safe") or "0/0"


async def _reached(firm: Company, place: str) -> str:
    """How far a restore from this place alone would get."""
    async with Desk.outside(firm.home, firm.stack.root).repository() as repository:
        alone = type(repository)(
            [each for each in repository.places if each.name == place], repository.keys, repository.scratch
        )
        return (await choose(alone, Target("latest"))).lsn


@pytest.mark.soak
def test_a_drill_that_is_killed_leaves_nothing_that_the_next_one_does_not_clear(
    firm: Company, chance: random.Random
) -> None:
    pids, there = firm.stack.pids(), firm.present()
    with firm.begin("drill", "--json") as drilling:
        eventually(lambda: (firm.stack.home / "drills").exists() or drilling.poll() is not None, WITHIN)
        time.sleep(chance.uniform(0.0, 6.0))  # at any moment is the point
        os.kill(drilling.pid, signal.SIGKILL)
    done = firm.stack.run("drill", "--json")
    last = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, last
    assert not (firm.stack.home / "drills").exists()
    assert firm.strays() == []
    assert firm.stack.pids() == pids
    assert firm.present() == there
