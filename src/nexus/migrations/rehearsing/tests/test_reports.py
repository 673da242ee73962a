"""Reports are kept whole, found by their plan, and read by people."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from nexus.migrations.planning.planned import MigrationPlan, Rates, Refusal
from nexus.migrations.rehearsing import leftovers, reports
from nexus.migrations.rehearsing.lacking import with_lacking
from nexus.migrations.rehearsing.rendering import as_markdown, as_text
from nexus.migrations.rehearsing.report import Copy, InvariantSeen, LoadSeen, Rehearsed, Report, Smoke

GOOD = Report(
    id="20261126-120000-aaaa",
    at=1000.0,
    digest="d1",
    copy=Copy("physical copy (pg_basebackup)", 5_000_000, 1.5, ("a note of the copy",)),
    statements=(Rehearsed("shop", "20260101_a", 3, "ALTER TABLE items", 0.25, 1, 40, 0.02, 0.01),),
    load=LoadSeen(25.0, ("shop.items",), 120, 0, "measured for 5 s"),
    invariants=(InvariantSeen("stock", "No stock below 0", 0, 0),),
    smoke=(Smoke("shop", "1.2", "abc", "passed"), Smoke("web", "", "def", "skipped", "it is an image")),
    rates=Rates(scan=1e9, measured=True),
    seconds=12.0,
    migrations=("shop/20260101_a",),
)
BAD = replace(
    GOOD,
    id="20261126-130000-bbbb",
    at=2000.0,
    failures=("shop/20260101_a:3 made a write wait",),
    rates=Rates(),
)


def test_a_report_is_found_by_its_plan_as_it_was_kept(tmp_path: Path) -> None:
    reports.keep(tmp_path, GOOD)
    reports.keep(tmp_path, replace(BAD, digest="d2"))
    assert reports.latest(tmp_path, "d1") == GOOD
    assert reports.latest(tmp_path, "d3") is None
    assert reports.latest(tmp_path / "none", "d1") is None


def test_the_newest_counts_even_when_it_failed(tmp_path: Path) -> None:
    reports.keep(tmp_path, BAD)
    reports.keep(tmp_path, GOOD)
    found = reports.latest(tmp_path, "d1")
    assert found is not None
    assert not found.ok


def test_each_rate_comes_from_the_newest_rehearsal_that_measured_it(tmp_path: Path) -> None:
    assert not reports.rates(tmp_path).measured
    reports.keep(tmp_path, GOOD)
    reports.keep(tmp_path, BAD)
    assert reports.rates(tmp_path) == Rates(scan=1e9, measured=True)
    newer = Rates(rewrite=2e7, measured=True)
    reports.keep(tmp_path, replace(GOOD, id="20261126-140000-cccc", rates=newer))
    assert reports.rates(tmp_path) == Rates(scan=1e9, rewrite=2e7, measured=True)


def test_a_file_that_is_no_report_is_passed_over(tmp_path: Path) -> None:
    reports.keep(tmp_path, GOOD)
    (tmp_path / "20261127-000000-cccc.json").write_text("{")
    (tmp_path / "20261128-000000-dddd.json").write_text(json.dumps({"id": "x"}))
    assert reports.latest(tmp_path, "d1") == GOOD


def test_only_the_latest_are_kept(tmp_path: Path) -> None:
    for number in range(reports.KEPT + 3):
        reports.keep(tmp_path, replace(GOOD, id=f"{number:05}"))
    kept = [each.id for each in reports.all_of(tmp_path)]
    assert len(kept) == reports.KEPT
    assert kept[0] == f"{reports.KEPT + 2:05}"


def test_a_rehearsal_that_left_something_out_does_not_count(tmp_path: Path) -> None:
    partly = replace(GOOD, id="20261126-150000-eeee", lacking=("no running release was started on the copy",))
    reports.keep(tmp_path, partly)
    assert reports.latest(tmp_path, "d1") == partly
    assert reports.counted(tmp_path, "d1") is None
    reports.keep(tmp_path, GOOD)
    assert reports.counted(tmp_path, "d1") == GOOD
    reports.keep(tmp_path, replace(partly, id="20261126-160000-ffff", failures=("x",)))
    found = reports.counted(tmp_path, "d1")
    assert found is not None
    assert not found.ok  # what fails in part fails


def test_the_refusal_says_what_the_rehearsal_left_out() -> None:
    unrehearsed = Refusal("rehearsal", "", "never", "rehearse it")
    plan = MigrationPlan((), (unrehearsed, Refusal("order", "a", "b", "c")))
    assert with_lacking(plan, GOOD) == plan
    told = with_lacking(plan, replace(GOOD, lacking=("only 0.5 times as many writes were replayed",)))
    assert told.refusals[0].sentence == (
        f"its rehearsal {GOOD.id} went well but was not whole: only 0.5 times as many writes were replayed"
    )
    assert told.refusals[1:] == plan.refusals[1:]


def test_reports_go_with_the_data_and_what_is_under_way_stays(tmp_path: Path) -> None:
    folder = tmp_path / "rehearsals"
    reports.keep(folder, GOOD)
    mine, dead, young = folder / "mine", folder / "dead", folder / "young"
    for place in (mine, dead, young):
        place.mkdir()
    leftovers.claim(mine)
    (dead / leftovers.OWNER).write_text(json.dumps({"pid": 1, "birth": "long ago"}))
    assert leftovers.abandoned(folder) == (dead,)
    leftovers.delete_all(folder)
    assert sorted(each.name for each in folder.iterdir()) == ["mine", "young"]
    for place in (mine, young):
        (place / leftovers.OWNER).write_text("{}")
    leftovers.delete_all(folder)
    assert not folder.exists()


def test_people_read_what_failed_first() -> None:
    lines = as_text(BAD).splitlines()
    assert lines[0] == "the rehearsal failed: shop/20260101_a:3 made a write wait"
    assert "not smoke-tested: it is an image" in as_text(GOOD)
    assert "went well: 1 migration in 0.2 s, no write waited longer than 20 ms" in as_text(GOOD)
    assert "| `shop/20260101_a:3` ALTER TABLE items | 0.25 | 1 | 40 | 20 | 10 | 0 |" in as_markdown(GOOD)
