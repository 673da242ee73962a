"""Backups of a running stack: with the control loop and without it, up to the day its data are deleted."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from nexus.control import locks
from nexus.control.client import Client, ControlError
from nexus.control.launch import processes
from nexus.control.recovering.desk import Desk
from nexus.control.recovering.looking import Looker
from nexus.control.recovering.runs import Runs
from nexus.control.recovering.tests.recovery_facts import DAY
from nexus.control.recovering.tests.small_stack import Small, small_stack
from nexus.control.recovering.verifying import Verifying
from nexus.runtimes.home import Home
from nexus.testing import eventually


@pytest.fixture(scope="module")
def small() -> Iterator[Small]:
    with small_stack() as found:
        yield found


def trail(small: Small) -> list[str]:
    with closing(sqlite3.connect(small.stack.home / "control.db")) as database:
        return [what for (what,) in database.execute("SELECT what FROM trail ORDER BY id")]


def test_a_disaster_costs_everything_until_there_is_a_backup(small: Small) -> None:
    status = small.stack.run("recovery", "status")
    assert status.returncode == 1
    assert status.stdout.startswith("a disaster now would cost everything: there is no backup yet")
    assert {"recovery.no-backup", "recovery.no-kit"} <= small.alarms()


def test_a_plan_changes_nothing(small: Small) -> None:
    said = small.stack.nexus("backup", "create", "--plan")
    assert "because" in said
    assert "seal it and store it in local; safe gets it from there" in said
    assert small.ids() == []


def test_with_a_kit_and_a_backup_elsewhere_little_is_lost(small: Small) -> None:
    kit = small.stack.nexus("recovery", "kit")
    assert "    6  " in kit
    first = small.outcome("backup", "create")
    assert (first["state"], first["backup"]["kind"]) == ("done", "full")
    name = first["backup"]["id"]
    eventually(lambda: small.is_safe(name), 60)
    status = small.told("recovery", "status")
    assert status["rpo"]["database_lost"] is not None
    assert status["rpo"]["machine_lost"] is not None
    wrong = {each["name"] for each in status["alarms"]}
    assert not {"recovery.no-backup", "recovery.no-kit", "recovery.nothing-elsewhere"} & wrong
    assert small.told("backup", "show", name)["places"] == ["local", "safe"]
    assert "make the recovery kit" in trail(small)


def test_an_older_kit_is_not_replaced_unasked(small: Small) -> None:
    done = small.stack.run("recovery", "kit")
    assert done.returncode == 2
    assert "what was sealed before is opened by that one alone, keep it" in done.stderr


def test_only_what_the_policy_keeps_stays_and_what_it_builds_on(small: Small) -> None:
    newer = small.asked("/v1/backup/create")
    assert (newer["backup"]["kind"], newer["pruned"]) == ("incremental", True)
    first, second = small.ids()
    assert newer["backup"]["parent"] == first
    full = small.outcome("backup", "create", "--full")
    assert full["pruned"] is True
    assert small.ids() == [full["backup"]["id"]]
    assert full["backup"]["id"] > second
    jobs = small.told("backup", "schedule")
    assert [each["what"] for each in jobs["last"][:2]] == ["prune", "full"]
    assert jobs["last"][0]["bytes"] > 0
    assert jobs["jobs"]["full"]["next"] > full["backup"]["ended"]


@pytest.mark.parametrize(
    "asked", [{"who": "the schedule"}, {"who": " The Schedule "}, {"who": "carla", "due": 1.0}, {"who": ""}]
)
def test_nobody_goes_by_the_schedules_name_which_no_audit_trail_names(
    small: Small, asked: dict[str, object]
) -> None:
    before = small.ids(), trail(small)
    with pytest.raises(ControlError, match="name the operator") as refused:
        list(Client(Home.at(small.stack.home)).stream("/v1/backup/create", asked))
    assert refused.value.exit_code == 2
    assert (small.ids(), trail(small)) == before


def test_only_the_plan_that_was_agreed_to_is_carried_out(small: Small) -> None:
    (name,) = small.ids()
    eventually(lambda: small.is_safe(name), 60)
    assert small.stack.run("backup", "prune", "--json").returncode == 2
    # What is streamed meanwhile may need not be kept either.
    eventually(lambda: small.asked("/v1/backup/prune")["state"] == "nothing to do", 60)
    eventually(lambda: small.outcome("backup", "prune", "--yes")["state"] == "nothing to do", 60)
    client = Client(Home.at(small.stack.home))
    (shown,) = client.stream("/v1/backup/prune", {"who": "carla", "plan_only": True})
    other = list(client.stream("/v1/backup/prune", {"who": "carla", "digest": "0" * 16}))
    assert other[-1]["event"] == "refused"
    assert other[-1]["message"] == "nothing was deleted: meanwhile the plan is another; look at it again"
    same = list(client.stream("/v1/backup/prune", {"who": "carla", "digest": shown["plan"]["digest"]}))
    assert same[-1]["state"] == "nothing to do"


async def test_at_night_the_newest_backup_is_verified_by_itself(small: Small) -> None:
    (name,) = small.ids()
    eventually(lambda: small.is_safe(name), 60)
    home, root = Home.at(small.stack.home), small.stack.root
    with closing(Runs(home.database)) as runs:
        desk = Desk.outside(home, root)
        async with desk.repository() as repository:
            facts = await Looker(desk, runs).facts(repository)
        verifying = Verifying(home, runs)
        verifying.look(root, facts)
        assert not verifying.busy  # the first backup waits for its night
        verifying.look(root, replace(facts, now=facts.now + 2 * DAY))
        assert verifying.busy
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        assert not verifying.busy
        (run,) = runs.latest("verify")
    assert (run.who, run.backup, run.state) == ("the schedule", name, "done")
    assert run.due is not None
    assert run.due > facts.now


def test_a_flipped_bit_is_named_with_its_place_and_is_an_alarm(small: Small) -> None:
    (name,) = small.ids()
    eventually(lambda: small.is_safe(name), 60)
    part = small.safe / "backups" / name / "base" / "00001"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.chmod(0o600)
    part.write_bytes(content)
    done = small.stack.run("backup", "verify", name)
    assert done.returncode == 1
    assert f"safe: backups/{name}/base/00001 does not hold what was stored" in done.stderr
    assert "recovery.damaged" in small.alarms()
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    assert small.stack.run("backup", "verify", "--all", "--deep").returncode == 0
    assert "recovery.damaged" not in small.alarms()


def test_two_backups_at_once_are_refused_and_the_second_is_told_who_is_at_it(small: Small) -> None:
    from nexus.recovery.backups.turn import turn

    with turn(small.stack.home / "recovery" / "backup.lock", "a backup"):
        done = small.asked("/v1/backup/create")
    assert done["exit_code"] == 1
    assert f"process {os.getpid()} has been at a backup since" in done["sentence"]
    assert "recovery.backup-failed" in small.alarms()
    assert small.asked("/v1/backup/create")["state"] == "done"
    assert "recovery.backup-failed" not in small.alarms()


def test_without_a_control_loop_backups_are_taken_and_read_all_the_same(small: Small) -> None:
    home = Home.at(small.stack.home)
    loop = locks.owner(home.control_lock)
    assert loop is not None
    os.kill(loop, signal.SIGTERM)  # it and its guard end, services go on
    eventually(lambda: not processes(home), 60)
    before = small.ids()
    made = small.outcome("backup", "create")
    assert made["state"] == "done"
    assert small.ids() == [*before, made["backup"]["id"]]
    eventually(lambda: "recovery.stream" in small.alarms(), 60)
    small.stack.up()
    eventually(lambda: "recovery.stream" not in small.alarms(), 60)


def test_deleted_data_leave_backups_and_their_keys_and_a_new_stack_does_not_mix_them(small: Small) -> None:
    said = small.stack.nexus("down", "--delete-data", "--yes", "small")
    home = small.stack.home
    assert f"backups stay in {home / 'backups'}; their keys are in {home / 'secrets' / 'recovery'}" in said
    assert [each.name for each in (home / "secrets").iterdir()] == ["recovery"]
    older = small.ids()
    (verdict,) = small.told("backup", "verify", "--deep")["backups"]
    assert (verdict["backup"], verdict["restorable"]) == (older[-1], True)
    small.stack.up()
    eventually(lambda: list(home.glob("backups-of-*")) != [], 60)
    made = small.asked("/v1/backup/create")
    assert (made["state"], made["backup"]["kind"]) == ("done", "full")
    assert small.ids() == [made["backup"]["id"]]
    where = {each["id"]: each["places"] for each in small.told("backup", "list")["backups"]}
    assert where == {made["backup"]["id"]: ["local"], **{each: ["safe"] for each in older}}
    assert "recovery.place" in small.alarms()


def test_backups_go_too_when_that_is_asked_for(small: Small) -> None:
    refused = small.stack.run("down", "--delete-backups")
    assert refused.returncode == 2
    small.stack.nexus("down", "--delete-data", "--yes", "small")
    assert (small.stack.home / "backups").exists()
    small.stack.nexus("down", "--delete-data", "--delete-backups", "--yes", "small")
    assert not (small.stack.home / "backups").exists()
    assert not (small.stack.home / "secrets").exists()
