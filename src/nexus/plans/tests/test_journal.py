import subprocess
import sys
from pathlib import Path

import pytest

from nexus.plans import Journal, Lease, LeaseHeld, LeaseLost, Plan, Step
from nexus.plans.journal import KEPT_RUNS

ONE = Step("a", "start", "a", "a is down", "run a")


def test_a_run_whose_writer_died_is_found_unfinished_with_its_steps(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j.db", now=lambda: 1.0)
    run = first.begin(Plan("up", (ONE,)), "ana")
    first.step_started(run, ONE, 1)
    first.close()
    (found,) = Journal(tmp_path / "j.db").unfinished()
    assert (found.id, found.title, found.who, found.state) == (run, "up", "ana", None)
    assert [(s.id, s.ok, s.ended_at) for s in found.steps] == [("a", None, None)]
    assert found.plan["steps"][0]["cause"] == "a is down"


def test_the_history_is_newest_first_and_bounded(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db")
    for title in ("one", "two", "three"):
        journal.finish(journal.begin(Plan(title), "ana"), "done", "done: 0 steps")
    assert [run.title for run in journal.history(2)] == ["three", "two"]
    assert journal.unfinished() == ()


def test_only_the_latest_runs_are_kept_with_their_steps(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.db")
    for number in range(KEPT_RUNS + 2):
        run = journal.begin(Plan(f"plan {number}", (ONE,)), "ana")
        journal.step_started(run, ONE, 1)
        journal.finish(run, "done", "done: 1 step")
    kept = journal.history(2 * KEPT_RUNS)
    assert len(kept) == KEPT_RUNS
    assert (kept[-1].title, len(kept[-1].steps)) == ("plan 2", 1)


def test_the_second_operator_is_told_who_holds_the_lease(tmp_path: Path) -> None:
    holder = (
        "import sys, pathlib; from nexus.plans import Lease\n"
        "Lease(pathlib.Path(sys.argv[1])).acquire('ana', 60)\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    path = tmp_path / "lease.db"
    command = [sys.executable, "-c", holder, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        mine = Lease(path)
        with pytest.raises(LeaseHeld, match=rf"ana \(process {other.pid}\) is changing this stack") as caught:
            mine.acquire("bia")
        assert (caught.value.who, caught.value.pid) == ("ana", other.pid)
        other.kill()
        other.wait()
        mine.acquire("bia")


def test_a_lease_that_ran_out_may_be_taken_and_its_old_holder_is_told(tmp_path: Path) -> None:
    clock = [100.0]
    lease = Lease(tmp_path / "lease.db", now=lambda: clock[0])
    lease.acquire("ana", ttl=10)
    clock[0] = 105.0
    with pytest.raises(LeaseHeld):
        Lease(tmp_path / "lease.db", now=lambda: clock[0]).acquire("bia")
    lease.renew(ttl=10)
    clock[0] = 116.0
    lease.acquire("bia", ttl=10)
    lease.release()
    with pytest.raises(LeaseLost):
        lease.renew()
