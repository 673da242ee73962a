"""What is drilled when, and what counts as lost."""

from datetime import UTC, datetime

import pytest

from nexus.control.drilling.choosing import Subject, next_place
from nexus.control.drilling.load import Write, all_there, as_of
from nexus.control.drilling.plan import plan_nightly, plan_scenario
from nexus.control.drilling.schedule import AGAIN, due
from nexus.control.drilling.tables import Table, same
from nexus.control.recovering.runs import Run, State
from nexus.control.recovering.tests.recovery_facts import backup
from nexus.recovery.drilling.runbooks import read_runbook
from nexus.recovery.drilling.scenarios import SCENARIOS
from nexus.stack.recovering import Schedule

DAY = 86_400.0
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC).timestamp()  # 09:00 in São Paulo
FOUR = datetime(2026, 11, 26, 7, 0, tzinfo=UTC).timestamp()  # 04:00 there
WRITES = [Write(number, 100.0 + number, 100.5 + number) for number in range(1, 11)]
TABLE = Table("shop", "shop", "items", ("id",), ("price",), 3)


@pytest.mark.parametrize(
    ("names", "before", "expected"),
    [
        (("local",), "", "local"),
        (("local",), "local", "local"),
        (("local", "safe"), "", "safe"),
        (("local", "safe"), "safe", "local"),
        (("local", "safe"), "local", "safe"),
        (("local", "safe", "far"), "safe", "far"),
        (("local", "safe"), "one that is gone", "safe"),
    ],
)
def test_places_take_turns_and_those_elsewhere_come_first(
    names: tuple[str, ...], before: str, expected: str
) -> None:
    assert next_place(names, before) == expected


def run(began: float, state: State = "done") -> Run:
    return Run(1, "drill", "the schedule", began, None, began + 60, state, "", "", 0)


@pytest.mark.parametrize(
    ("runs", "first_backup", "expected"),
    [
        ([], NOW - DAY, FOUR),  # never drilled: its hour has come since the first backup
        ([], NOW - 3600, None),  # the first backup was made after that hour
        ([run(FOUR + 5)], NOW - 9 * DAY, None),
        ([run(FOUR - DAY)], NOW - 9 * DAY, FOUR),  # missed while nothing ran: made up for once
        ([run(FOUR + 5, "failed")], NOW - 9 * DAY, None),  # a failure is a result
        ([run(FOUR + 5, "interrupted")], NOW - 9 * DAY, FOUR),
        ([run(NOW - AGAIN / 2, "interrupted")], NOW - 9 * DAY, None),  # not again and again
        ([run(NOW - 60, "running")], NOW - 9 * DAY, None),
        ([run(NOW + 300 * DAY)], NOW + 300 * DAY, FOUR),  # what a wrong clock noted stops nothing
    ],
)
def test_a_drill_is_due_once_a_night(runs: list[Run], first_backup: float, expected: float | None) -> None:
    assert due(Schedule(), runs, first_backup, NOW) == expected


def test_all_acknowledged_writes_are_there() -> None:
    finding, loss = all_there(WRITES, {each.id for each in WRITES} | {99}, 120.0, 5.0)
    assert (finding.state, loss) == ("passed", 0.0)


def test_the_oldest_missing_write_tells_the_loss() -> None:
    finding, loss = all_there(WRITES, range(1, 9), 111.0, 5.0)
    assert (finding.state, loss) == ("passed", 1.5)
    assert "2 of 10" in str(finding)
    assert all_there(WRITES, range(1, 3), 111.0, 5.0)[0].state == "failed"
    assert all_there(WRITES, [each for each in range(1, 11) if each != 2], 111.0, 5.0)[0].state == "failed"


def test_where_commits_wait_for_the_archive_nothing_may_be_missing() -> None:
    assert all_there(WRITES, range(1, 10), 110.5, None)[0].state == "failed"
    assert all_there(WRITES, range(1, 11), 110.5, None)[0].state == "passed"


def test_a_load_that_wrote_nothing_proves_nothing() -> None:
    assert all_there([], [], 1.0, 5.0)[0].state == "failed"
    assert as_of(WRITES, range(1, 11), 200.0).state == "failed"


def test_a_moment_has_all_before_it_and_nothing_after_it() -> None:
    assert as_of(WRITES, range(1, 6), 105.7).state == "passed"
    assert as_of(WRITES, range(1, 5), 105.7).state == "failed"
    assert as_of(WRITES, range(1, 7), 105.7).state == "failed"


def test_rows_may_be_added_and_none_may_be_missing() -> None:
    assert same(TABLE, {'["1"]'}, {'["1"]', '["2"]'}).state == "passed"
    assert same(TABLE, {'["1"]', '["2"]'}, {'["1"]'}).state == "failed"
    assert same(TABLE, set(), {'["1"]'}).state == "failed"


def test_plans_say_what_is_typed_and_that_the_living_stack_is_left_alone() -> None:
    found = Subject("safe", backup(NOW), None, 30.0, 10**9, 1.0, 2 * 10**9)
    nightly = plan_nightly("shop", found, "/home/drills", "the schedule wants it")
    assert [each.action for each in nightly.steps] == ["restore", "start", "examine", "clean", "report"]
    kept = plan_nightly("shop", found, "/home/drills", "the schedule wants it", keep=True)
    assert "clean" not in [each.action for each in kept.steps]
    scenario = SCENARIOS["table-dropped"]
    text = plan_scenario("shop", found, scenario, read_runbook("table-dropped"), "/home/drills").text()
    assert 'nexus restore --at "$BEFORE" --yes' in text
    assert "the living stack is not touched" in text
