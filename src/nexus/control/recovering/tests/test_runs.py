"""What was done is remembered, and a killed run is told as what it was."""

import subprocess
import sys
from pathlib import Path

from nexus.control.recovering.runs import Runs

BEGIN = "import sys, pathlib; from nexus.control.recovering.runs import Runs; "
BEGIN += "Runs(pathlib.Path(sys.argv[1])).begin('full', 'carla')"


def test_a_fault_stands_until_that_very_backup_is_found_well(tmp_path: Path) -> None:
    runs = Runs(tmp_path / "control.db")
    for name, state in (("a", "done"), ("a", "failed"), ("b", "done"), ("a", "interrupted")):
        runs.end(runs.begin("verify", "carla", backup=name), state, "")  # type: ignore[arg-type]
    assert [(each.backup, each.state) for each in runs.verdicts()] == [("a", "failed"), ("b", "done")]
    runs.end(runs.begin("verify", "carla", backup="a"), "done", "")
    assert {each.state for each in runs.verdicts()} == {"done"}


def test_runs_are_told_newest_first_with_size_and_time(tmp_path: Path) -> None:
    clock = iter((10.0, 14.5, 20.0, 21.0))
    runs = Runs(tmp_path / "control.db", lambda: next(clock))
    runs.end(runs.begin("full", "carla"), "done", "", "20261126T023000Z-full", 4711)
    runs.end(runs.begin("incremental", "the schedule", due=19.0), "failed", "no room")
    newest, first = runs.latest("full", "incremental", count=5)
    assert (newest.state, newest.sentence, newest.due) == ("failed", "no room", 19.0)
    assert (first.backup, first.bytes, first.seconds) == ("20261126T023000Z-full", 4711, 4.5)
    assert runs.latest("full", "incremental", state="done") == (first,)
    assert runs.latest("verify") == ()
    runs.close()


def test_a_run_whose_process_was_killed_is_interrupted_and_a_living_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "control.db"
    subprocess.run([sys.executable, "-c", BEGIN, str(file)], check=True, timeout=60)
    runs = Runs(file)
    ours = runs.begin("verify", "carla")
    assert runs.settle() == 1
    assert runs.latest("full")[0].state == "interrupted"
    assert runs.latest("verify")[0].id == ours
    assert runs.latest("verify")[0].state == "running"
    runs.close()
