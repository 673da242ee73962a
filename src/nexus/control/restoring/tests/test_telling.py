"""How a restore in place is said to have ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from nexus.control.restoring.acting import Acting
from nexus.control.restoring.begun import Begun
from nexus.control.restoring.folders import Folders
from nexus.control.restoring.requests import Wish
from nexus.control.restoring.telling import ended_as
from nexus.control.world import World
from nexus.plans import Outcome
from nexus.recovery.restoring.target import Target
from nexus.runtimes.home import Home


@dataclass(frozen=True)
class Somewhere:
    """All of a world that is asked before there is something to do."""

    home: Home


def acting(folder: Path, **more: str) -> Acting:
    home = Home.at(folder)
    begun = Begun("S", Wish(kind="time", at=1.0), Target("lsn", name="0/5000000"), "ID", "14:30:00", **more)  # type: ignore[arg-type]
    return Acting(cast(World, Somewhere(home)), begun, Folders(home, "db"))


def test_what_runs_and_is_not_right_is_no_success(tmp_path: Path) -> None:
    found = acting(tmp_path, phase="exchanged")
    assert ended_as(Outcome("done", 3), found, "/before", "rm", False)["exit_code"] == 0
    found.faults.append("amounts does not hold in what runs")
    told = ended_as(Outcome("done", 3), found, "/before", "rm", False)
    assert (told["state"], told["exit_code"]) == ("failed", 1)
    assert "amounts does not hold" in str(told["sentence"])
    assert "--undo takes it back" in str(told["sentence"])


def test_what_goes_on_and_what_begins_anew_are_told_apart(tmp_path: Path) -> None:
    found = acting(tmp_path)
    assert "the same command goes on" in str(
        ended_as(Outcome("interrupted", 3), found, "", "", False)["sentence"]
    )
    assert "begins anew" in str(ended_as(Outcome("interrupted", 3), found, "", "", True)["sentence"])
