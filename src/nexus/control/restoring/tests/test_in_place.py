"""Restores in the place of a living stack, on processes: proven, exchanged, killed anywhere, taken back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from nexus.control.restoring.tests.till_stack import TillStack, till_stack
from nexus.control.standby.record import Record, Records
from nexus.runtimes.process.register import Register


@pytest.fixture(scope="module")
def till() -> Iterator[TillStack]:
    with till_stack() as found:
        yield found


def test_to_a_moment_and_back(till: TillStack) -> None:
    till.sell(2)
    at = till.moment()
    till.sell(3)
    till.fetch("ALTER ROLE shop PASSWORD 'a former one'")  # what a secret says counts, not the backup
    till.cache().set("of", "the future")
    ended = till.restore("--at", at)
    assert ended["state"] == "done", ended
    assert till.amounts() == [1, 2]
    assert till.cache().dbsize() == 0
    assert till.answers() == {"1"}
    assert os.path.exists(ended["former"])
    assert ended["former"] in ended["discard"]
    assert any(note.startswith("lost: ") for note in ended["notes"])  # counted once nobody wrote any more
    till.sell(4)

    former, ended = ended["former"], till.restore("--undo")
    assert ended["state"] == "done", ended
    assert till.amounts() == [1, 2, 3]
    assert not os.path.exists(former)
    assert os.path.exists(ended["left"])
    assert ended["left"] in ended["discard"]
    assert till.answers() == {"1"}


def test_the_latest_state_is_read_anew_when_somebody_wrote_meanwhile(till: TillStack) -> None:
    before = till.amounts()
    till.killed_at("prove", "restore", "--latest", "--yes")
    till.stack.nexus("up")
    till.sell(6)
    till.archived()
    ended = till.restore("--resume")
    assert ended["state"] == "done", ended
    assert till.amounts() == [*before, 6]


def test_a_deleted_database_comes_back_with_all_that_was_committed(till: TillStack) -> None:
    """What the undone restore left in the archive, a timeline with a higher number, is no part of it."""
    till.sell(5)
    till.archived()
    (pid,) = till.stack.pids()["db"]
    shutil.rmtree(till.home.data("db"))
    os.kill(pid, signal.SIGKILL)
    ended = till.restore("--latest")
    assert ended["state"] == "done", ended
    assert till.amounts() == [1, 2, 3, 6, 5]
    assert till.answers() == {"1"}


@pytest.mark.soak  # tests/recovery kills one at a random moment
def test_killed_at_any_step_the_same_command_goes_on(till: TillStack) -> None:
    before, there = till.amounts(), set(os.listdir(till.home.root / "data"))
    at = till.moment()
    till.sell(7)
    till.killed_at("restore", "restore", "--at", at, "--yes")
    for step in ("prove", "swap", "start"):
        till.killed_at(step, "restore", "--resume", "--yes")
        if step == "swap":
            for command in (("up",), ("restart", "shop")):
                refused = till.stack.run(*command)
                assert refused.returncode == 2
                assert "nexus restore --resume" in refused.stderr
    ended = till.restore("--resume")
    assert ended["state"] == "done", ended
    assert till.amounts() == before
    assert till.answers() == {"1"}
    left = set(os.listdir(till.home.root / "data")) - there
    assert left == {os.path.basename(ended["former"])}

    subprocess.run(ended["discard"], shell=True, check=True)
    refused = till.stack.run("restore", "--undo", "--yes")
    assert refused.returncode == 2
    assert "were deleted" in refused.stderr
    assert till.answers() == {"1"}
    assert till.stack.run("up").returncode == 0


def test_broken_books_are_found_before_anything_is_changed(till: TillStack) -> None:
    till.sell(-1)
    at = till.moment()
    till.fetch("UPDATE shop.sale SET amount = 8 WHERE amount < 0 RETURNING id")
    ended = till.restore("--at", at)
    assert ended["state"] == "failed"
    assert "amounts" in ended["sentence"]
    assert till.amounts()[-1] == 8
    assert till.answers() == {"1"}
    given_up = till.restore("--undo")
    assert given_up["state"] == "done", given_up

    till.sell(-1)
    ended = till.restore("--latest")
    assert ended["state"] == "failed"
    assert "begins anew" in ended["sentence"]
    assert till.stack.run("restore", "--resume", "--plan").returncode == 2  # nothing is begun any more
    assert till.answers() == {"1"}
    till.fetch("UPDATE shop.sale SET amount = 9 WHERE amount < 0 RETURNING id")


def test_releases_go_back_with_the_schema(till: TillStack) -> None:
    at = till.moment()
    till.write("2")
    till.migration("2_notes", "ALTER TABLE sale ADD COLUMN note text;")
    assert till.deploy("--yes")[1]["state"] == "promoted"
    assert till.answers() == {"2"}
    ended = till.restore("--at", at)
    assert ended["state"] == "done", ended
    assert till.answers() == {"1"}
    assert till.columns("shop.sale") == ["amount", "id"]


def test_a_standby_that_would_keep_the_former_timeline_is_removed_first(till: TillStack) -> None:
    with closing(Register(till.home.database)) as register:
        Records(register).standby = Record(str(till.home.data("db-standby")), 1)
        refused = till.stack.run("restore", "--latest", "--plan")
        Records(register).standby = None
    assert refused.returncode == 2
    assert "nexus standby remove" in refused.stderr


def test_what_cannot_be_reached_is_told_with_what_can(till: TillStack) -> None:
    done = till.stack.run("restore", "--at", "2020-01-01 00:00", "--plan")
    assert done.returncode == 2
    assert "Reachable is from" in done.stderr
    assert till.stack.run("restore", "--latest").returncode == 2  # nobody is there to be asked
