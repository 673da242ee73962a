"""Waits and failures are laid at the door of the statement that caused them, and of no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nexus.migrations.effects.effect import Effect, LockLevel, Table
from nexus.migrations.migration import Migration, Source
from nexus.migrations.planning.planned import PlannedMigration, PlannedStatement
from nexus.migrations.rehearsing.judging import SLOWEST, judged
from nexus.migrations.rehearsing.load import Write
from nexus.migrations.rehearsing.running import Ran

ITEMS, OTHERS = Table("shop", "items"), Table("shop", "others")
STEP = PlannedMigration(
    Source("shop", "shop", "shop_owner", "shop", Path()),
    Migration("m", "", ""),
    "expand",
    (),
    (),
    (),
    True,
    (),
    "low",
)


def _ran(line: int, *spans: tuple[float, float], table: Table = ITEMS, step: PlannedMigration = STEP) -> Ran:
    effect = Effect(table, LockLevel.ACCESS_EXCLUSIVE)
    return Ran(step, PlannedStatement(line, f"line {line}", (effect,)), list(spans))


def _write(due: float, ended: float, error: str = "", table: Table = ITEMS) -> Write:
    return Write(table, "update", due, ended, error)


def test_a_wait_is_told_of_the_statement_that_it_went_with() -> None:
    verdict = judged([_ran(1, (10, 10.1)), _ran(2, (10.1, 15))], [_write(10.05, 15.05)], 10.0, 1.0)
    assert verdict.failures == (
        "shop/m:2 makes writers wait: 1 writes waited longer than 1 s, one of shop.items 5.0 s",
    )
    assert [each.blocks for each in verdict.statements] == [True, True]


def test_writes_within_what_is_allowed_are_no_failures() -> None:
    writes = [_write(10.0, 10.4), _write(10.2, 10.5)]
    assert judged([_ran(1, (10, 11))], writes, 10.0, 0.5).failures == ()
    declared = replace(STEP, may_block=5.0)
    assert judged([_ran(1, (10, 15), step=declared)], [_write(10.0, 14.0)], 10.0, 0.5).failures == ()


def test_a_machine_that_is_slow_without_the_plan_is_not_its_fault() -> None:
    slow = [_write(5.0, 5.7), _write(10.0, 11.3)]
    assert judged([_ran(1, (10, 14))], slow, 9.0, 0.5).failures == ()
    assert judged([_ran(1, (10, 15))], [*slow, _write(10.0, 11.5)], 9.0, 0.5).failures != ()


def test_no_machine_is_so_slow_that_any_wait_is_allowed() -> None:
    slow = _write(1.0, 8.0)
    verdict = judged([_ran(1, (10, 14))], [slow, _write(10.0, 12.1)], 9.0, 0.5)
    assert verdict.statements[0].allowed == SLOWEST
    assert "makes writers wait" in verdict.failures[0]


def test_what_is_taken_away_fails_the_writes_of_releases_that_do_not_know_it() -> None:
    ran = [_ran(3, (10, 11))]
    gone = replace(_write(12.0, 12.1, 'column "note" does not exist'), outdated=True)
    verdict = judged(ran, [gone], 9.0, 0.5)
    assert verdict.failures == (
        'shop/m:3 makes writes fail: 1 of shop.items did: column "note" does not exist',
    )
    spared = judged(ran, [gone, _write(12.2, 12.3, "null value")], 9.0, 0.5, {"shop/m"})
    assert spared.failures == ("shop/m:3 makes writes fail: 1 of shop.items did: null value",)
    assert spared.notes[0].startswith("shop/m:3 takes away what 1 replayed writes of shop.items needed")


def test_writes_that_failed_before_are_noted_and_not_blamed() -> None:
    writes = [_write(5.0, 5.1, "broken"), _write(11.0, 11.1, "broken")]
    verdict = judged([_ran(1, (10, 12))], writes, 9.0, 1.0)
    assert verdict.failures == ()
    assert verdict.notes == ("writes failed before the plan, too: shop.items: broken",)


def test_writes_that_fail_afterwards_are_told_of_the_last_statement_about_their_table() -> None:
    ran = [_ran(1, (10, 11)), _ran(2, (11, 12), table=OTHERS)]
    verdict = judged(ran, [_write(13.0, 13.1, "null value")], 10.0, 1.0)
    assert verdict.failures == ("shop/m:1 makes writes fail: 1 of shop.items did: null value",)
    assert [each.failed for each in verdict.statements] == [1, 0]


def test_attempts_that_gave_way_count_with_what_was_written_meanwhile() -> None:
    verdict = judged([_ran(1, (10, 10.5), (11, 11.5))], [_write(10.1, 10.4), _write(11.1, 11.2)], 9.0, 1.0)
    told = verdict.statements[0]
    assert (told.attempts, told.writes) == (2, 2)
    assert told.seconds == pytest.approx(0.5)
    assert told.worst == pytest.approx(0.3)
