"""A backup is due when the rules say so; what was missed is made up for once, what failed tried again."""

from nexus.control.recovering.schedule import Due, coming, due
from nexus.control.recovering.tests.recovery_facts import DAY, HOUR, NOW, backup, run
from nexus.stack.recovering import Schedule

RULES = Schedule()  # full on Sundays at 02:30, incremental at 02:30, 08:30, 14:30, 20:30 (UTC-3)
SUNDAY = NOW - 4 * DAY - 6.5 * HOUR  # 05:30 UTC


def test_a_stack_without_a_backup_gets_a_full_one_at_once() -> None:
    assert due(RULES, (), (), "", NOW) == Due("full", NOW, "there is no backup yet")


def test_nothing_is_due_right_after_a_backup() -> None:
    full = backup(SUNDAY + 60)
    assert due(RULES, (full, backup(NOW - 0.4 * HOUR, "incremental", full)), (), "", NOW) is None


def test_a_run_that_was_missed_for_days_is_made_up_for_once() -> None:
    full = backup(SUNDAY + 60)
    found = due(RULES, (full,), (), "", NOW)
    assert found == Due("incremental", NOW - 0.5 * HOUR, "the schedule wants it")
    assert due(RULES, (full, backup(NOW, "incremental", full)), (), "", NOW + 60) is None


def test_a_full_one_goes_before_an_incremental_one_and_stands_for_it() -> None:
    full = backup(SUNDAY - 7 * DAY)
    found = due(RULES, (full,), (), "", SUNDAY + 60)
    assert found == Due("full", SUNDAY, "the schedule wants it")
    assert due(RULES, (full, backup(SUNDAY + 61)), (), "", SUNDAY + 120) is None


def test_a_gap_in_the_stream_asks_for_a_full_backup() -> None:
    found = due(RULES, (backup(NOW - 60),), (), "the slot was lost", NOW)
    assert found is not None
    assert (found.kind, found.why) == ("full", "the stream has a gap: the slot was lost")


def test_a_new_recovery_kit_asks_for_a_full_backup_that_it_opens() -> None:
    full = backup(NOW - 60)
    found = due(RULES, (full,), (), "", NOW, kit=NOW - 30)
    assert found is not None
    assert (found.kind, found.why) == ("full", "the recovery kit opens no full backup yet")
    assert due(RULES, (full,), (), "", NOW, kit=NOW - 90) is None


def test_what_failed_is_tried_again_ever_more_seldom() -> None:
    once = (run("full", NOW, "failed"),)
    assert due(RULES, (), once, "", NOW + 30) is None
    assert due(RULES, (), once, "", NOW + 5 + 60) is not None
    often = tuple(run("full", NOW - each, "failed") for each in range(10))
    assert due(RULES, (), often, "", NOW + 3000) is None
    assert due(RULES, (), often, "", NOW + 3605) is not None
    assert due(RULES, (), (run("full", NOW), *often), "", NOW + 10) is not None


def test_a_backup_taken_while_the_clock_was_ahead_stops_nothing() -> None:
    strange = backup(NOW + 400 * DAY)
    for now in (NOW, NOW + 300 * DAY):
        found = due(RULES, (strange,), (), "", now)
        assert found is not None
        assert (found.kind, found.why) == ("full", "the schedule wants it")
    assert due(RULES, (strange, backup(NOW)), (), "", NOW + 60) is None


def test_a_run_that_failed_while_the_clock_was_ahead_is_tried_again() -> None:
    assert due(RULES, (), (run("full", NOW + 400 * DAY, "failed"),), "", NOW) is not None


def test_a_kit_made_while_the_clock_was_ahead_is_no_reason_for_ever_more_backups() -> None:
    assert due(RULES, (backup(NOW),), (), "", NOW + 60, kit=NOW + 400 * DAY) is None


def test_an_interrupted_run_is_tried_again_at_once() -> None:
    assert due(RULES, (), (run("full", NOW, "interrupted"),), "", NOW + 5) is not None


def test_the_next_times_are_told_of_each_job() -> None:
    found = coming(RULES, NOW)
    assert found == {
        "full": SUNDAY + 7 * DAY,
        "incremental": NOW + 5.5 * HOUR,
        "drill": NOW + 19 * HOUR,
        "verify": NOW + 21 * HOUR,
    }


def test_a_full_one_is_due_an_hour_after_the_data_were_restored() -> None:
    full = backup(NOW - 0.4 * HOUR, "full")
    later = NOW + HOUR
    found = due(RULES, (full,), (), "", later, restored=NOW - 0.3 * HOUR)
    assert found is not None
    assert (found.kind, found.why) == ("full", "nothing was backed up since the data were restored")
    assert due(RULES, (full,), (), "", later, restored=NOW - 0.6 * HOUR) is None
    assert due(RULES, (full,), (), "", NOW, restored=NOW - 0.3 * HOUR) is None  # it may be restored again
