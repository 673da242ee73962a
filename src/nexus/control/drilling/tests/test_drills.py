"""Drills of a running stack: proven for real, told when something is wrong, gone when they are over."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nexus.control.drilling.room import strays
from nexus.control.drilling.tests.drilled_stack import Drilled, drilled_stack
from nexus.recovery.drilling.records import last
from nexus.runtimes.home import Home
from nexus.stack.names import CONTROL
from nexus.testing import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
DELETED = "data-directory-deleted"


@pytest.fixture(scope="module")
def drilled() -> Iterator[Drilled]:
    with drilled_stack() as found:
        yield found


@dataclass(frozen=True)
class Night:
    """A drill that was killed while its stack ran, and the next one. `left`: what worked in the killed one's
    `room` before the next began; `pids`: of the living stack before both.
    """

    room: Path
    left: int
    pids: Mapping[str, list[int]]
    ended: Mapping[str, Any]

    @property
    def report(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.ended["reports"][0]
        return found


@pytest.fixture(scope="module")
def night(drilled: Drilled) -> Night:
    pids = drilled.stack.pids()
    killed = drilled.begin("drill")
    runs = Path("home", "data", "store", "postmaster.pid")
    (room,) = eventually(lambda: [each for each in drilled.rooms if (each / runs).exists()], within=120.0)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    left = len(strays(room))
    return Night(room, left, pids, drilled.outcome("drill"))


def test_the_nightly_drill_proves_the_newest_backup(night: Night) -> None:
    proven = {each["name"]: each["state"] for each in night.report["findings"]}
    wanted = ("restored", "ready", "pg_amcheck", "invariants", "probe", "rto", "rpo", "cleaned")
    assert {name: proven[name] for name in wanted} == dict.fromkeys(wanted, "passed")
    assert proven["telemetry"] == "unproven"
    found = {each["title"]: each["found"] for each in night.report["totals"]}
    assert (night.report["place"], found["stock value"]) == ("safe", "20100")
    assert night.report["rto"] > 0


def test_numbers_that_are_not_what_was_recorded_fail_the_drill(night: Night) -> None:
    assert night.ended["exit_code"] == 1, night.ended
    wrong = [each for each in night.report["findings"] if each["state"] == "failed"]
    assert [each["name"] for each in wrong] == ["totals"], night.report["findings"]
    (clock,) = [each for each in night.report["totals"] if each["title"] == "clock"]
    assert clock["recorded"] != clock["found"]
    assert clock["recorded"] in wrong[0]["values"]["which"]
    assert clock["found"] in wrong[0]["values"]["which"]


def test_the_living_stack_is_not_touched(drilled: Drilled, night: Night) -> None:
    assert {**drilled.stack.pids(), CONTROL: []} == {**night.pids, CONTROL: []}  # which commands may renew


def test_a_killed_drill_is_ended_and_cleared_away_by_the_next_one(drilled: Drilled, night: Night) -> None:
    assert night.left > 0  # nobody had told its control loop
    assert (drilled.rooms, strays(night.room)) == ([], [])


def test_a_report_is_signed_kept_in_every_place_and_remembered(drilled: Drilled, night: Night) -> None:
    file = Path(night.ended["drills"][0]["file"])
    for form in (file, file.with_suffix(".html"), file.with_suffix(".pt-BR.md")):
        assert "the signature holds" in drilled.stack.nexus("drill", "verify", str(form))
    sealed = drilled.safe / "reports" / file.name
    eventually(sealed.exists, within=60.0)
    record = last(Home.at(drilled.stack.home))
    assert record is not None
    assert (record.ok, record.place, record.id) == (False, "safe", file.stem)


def test_the_command_of_a_runbook_mends_what_was_destroyed(drilled: Drilled, night: Night) -> None:
    """And makes no night good that was not."""
    ended = drilled.outcome("drill", "--scenario", DELETED)
    assert ended["exit_code"] == 0, ended
    (report,) = ended["reports"]
    assert report["commands"] == ["nexus restore --latest --yes"]
    proven = {each["name"]: each for each in report["findings"]}
    assert proven["acknowledged"]["text"] == "{count} acknowledged writes are all there"
    assert int(proven["acknowledged"]["values"]["count"]) >= 20
    assert report["reached"]
    assert drilled.rooms == []
    standing = drilled.stack.run("recovery", "status")
    assert "the last drill failed: totals" in standing.stdout + standing.stderr


def test_what_an_operator_mistypes_is_no_drill(drilled: Drilled, night: Night) -> None:
    before = drilled.stack.nexus("backup", "schedule", "--json")
    assert drilled.outcome("drill", "--from", "saef")["event"] == "refused"
    assert drilled.stack.nexus("backup", "schedule", "--json") == before
