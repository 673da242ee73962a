"""Backups are verified by themselves: the newest each night, and one of the older ones in turn."""

from dataclasses import replace

import pytest

from nexus.control.recovering.checking import state_of
from nexus.control.recovering.runs import Run, State
from nexus.control.recovering.tests.recovery_facts import DAY, HOUR, NOW, backup, run
from nexus.control.recovering.verifying import chosen, due, why
from nexus.control.rehearsing.commands import Said
from nexus.recovery.backups.verdict import Copy, Fault, Verdict, Wal
from nexus.stack.recovering import Schedule

RULES = Schedule()
TONIGHT = NOW - 3 * HOUR  # 06:00 in São Paulo


def test_it_is_due_once_a_night_and_made_up_for_once() -> None:
    old = NOW - 9 * DAY
    assert due(RULES, (), old, NOW) == TONIGHT
    assert due(RULES, (run("verify", TONIGHT + 60),), old, NOW) is None
    assert due(RULES, (run("verify", TONIGHT - DAY),), old, NOW) == TONIGHT
    assert due(RULES, (), TONIGHT + 60, NOW) is None  # the first backup waits for its night


def test_what_an_operator_verified_does_not_stand_for_it() -> None:
    by_hand = replace(run("verify", TONIGHT + 60), due=None)
    assert due(RULES, (by_hand,), 0.0, NOW) == TONIGHT


def test_an_interrupted_one_is_begun_again_an_hour_later() -> None:
    cut = run("verify", NOW - 60, "interrupted")
    assert due(RULES, (cut,), 0.0, NOW) is None
    assert due(RULES, (cut,), 0.0, NOW + HOUR) == TONIGHT


def test_a_clock_that_was_ahead_stops_nothing() -> None:
    assert due(RULES, (run("verify", NOW + 400 * DAY),), NOW + 400 * DAY, NOW) == TONIGHT


def test_every_old_backup_has_its_turn_whatever_came_of_the_others() -> None:
    backups = [backup(NOW - each * DAY) for each in (4, 3, 2, 1)]
    runs: list[Run] = []
    picked = []
    states: tuple[State, ...] = ("done", "interrupted", "failed", "done")
    for number, state in enumerate(states, 1):
        newest, older = chosen(backups, runs)
        assert newest == backups[-1].id
        assert older is not None
        picked.append(older)
        runs.insert(0, replace(run("verify", NOW, state), id=number, backup=older))
    assert picked == [*(each.id for each in backups[:-1]), backups[0].id]
    assert chosen(backups[-1:], runs) == (backups[-1].id, None)


@pytest.mark.parametrize(
    ("copies", "holes", "state"),
    [
        (("whole", "whole"), (), "done"),
        (("whole", "damaged"), (), "failed"),
        (("whole", "unreachable"), (), "interrupted"),
        (("damaged", "unreachable"), (), "failed"),
        (("whole", "absent", "unreachable"), (), "failed"),
        (("whole", "unreachable"), ("0/1 to 0/2",), "failed"),
    ],
)
def test_a_place_that_is_away_is_no_damage(
    copies: tuple[str, ...], holes: tuple[str, ...], state: str
) -> None:
    told = tuple(
        Copy(name, name, (Fault("", name),), overdue=name == "absent")  # type: ignore[arg-type]
        for name in copies
    )
    wal = Wal(True, "0/3", holes)
    assert state_of(Verdict("x", False, told, wal, (), 1, 1.0)) == state


def test_what_is_wrong_is_told_in_one_line() -> None:
    assert why(Said(1, '{"backups": [{"said": ["a part is missing", "a bit flipped"]}]}', "")) == (
        "a part is missing; a bit flipped"
    )
    assert why(Said(2, "", "nexus: there is no room\n")) == "nexus: there is no room"
