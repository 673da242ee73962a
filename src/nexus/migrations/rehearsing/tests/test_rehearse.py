"""A rehearsal tells what a plan would do to the real data, and names the statement that does badly."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from nexus.business import Invariant
from nexus.migrations.applying import Settings, apply_pending
from nexus.migrations.effects import read_living
from nexus.migrations.history import read_history
from nexus.migrations.history.table import ensure_table
from nexus.migrations.migration import Source
from nexus.migrations.planning import plan
from nexus.migrations.planning.planned import MigrationFacts, MigrationPlan, RunningRelease
from nexus.migrations.rehearsing import reports
from nexus.migrations.rehearsing.errors import RehearsalFailed
from nexus.migrations.rehearsing.rehearse import Options, Subject, rehearse
from nexus.migrations.rehearsing.report import Report, Smoke
from nexus.migrations.rehearsing.scratch import Scratch
from nexus.migrations.rehearsing.sentence import Sentence
from nexus.migrations.rehearsing.tests.living_shop import fetch, living_shop

QUICK = Options(window=0.2, settle=0.5, patience=5.0, max_wait=1.0)
STEADY = replace(QUICK, settle=1.0)
STOCK = Invariant("stock", "No item has less than none", ("shop",), None, Path("stock.sql"),
                  "SELECT id FROM shop.items WHERE quantity < 0")  # fmt: skip
LATEST = Invariant("noted", "Every item has a note", ("shop",), None, Path("noted.sql"),
                   "SELECT id FROM shop.items WHERE note IS NULL")  # fmt: skip
NEVER = Invariant(
    "never", "There are no items", ("shop",), None, Path("never.sql"), "SELECT id FROM shop.items"
)
NEW_COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'shop' AND table_name = 'items' AND column_name IN ('colour', 'size')
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can walk to."""
    with tempfile.TemporaryDirectory(prefix="nexus-rehearsal-") as found:
        Path(found).chmod(0o755)
        yield Path(found)


@asynccontextmanager
async def _subject(
    pg: Any, folder: Path, *scripts: str, rows: int = 500, invariants: tuple[Invariant, ...] = ()
) -> AsyncIterator[Subject]:
    """What is rehearsed: a shop, with these scripts pending."""
    migrations = folder / "migrations"
    migrations.mkdir()
    (migrations / "migration_lock.toml").write_text('provider = "postgresql"\n')
    for number, script in enumerate(scripts, 1):
        each = migrations / f"2026010{number}000000_change"
        each.mkdir()
        (each / "migration.sql").write_text(script)
    source = Source("shop", "shop", "shop_owner", "shop", migrations)
    async with living_shop(pg, rows) as url:
        yield Subject(url, await _plan(url, source), folder / "rehearsals", ("shop",), invariants)


async def _plan(url: str, source: Source) -> MigrationPlan:
    connection = await asyncpg.connect(url)
    try:
        await ensure_table(connection, source)
        living = await read_living(connection, ("shop",))
        return plan(MigrationFacts({"shop": await read_history(connection, source)}, living))
    finally:
        await connection.close()


async def test_a_good_plan_is_applied_to_a_copy_alone_and_timed(pg: Any, folder: Path) -> None:
    scripts = ("ALTER TABLE shop.items ADD COLUMN colour text;\nCREATE TABLE shop.more (id int);",
               "ALTER TABLE shop.items ADD COLUMN size int DEFAULT 1;")  # fmt: skip
    async with _subject(pg, folder, *scripts, invariants=(STOCK,)) as subject:
        said: list[Sentence] = []
        report = await rehearse(subject, QUICK, apply_pending, say=said.append)
        columns = await fetch(subject.url, NEW_COLUMNS)
    assert report.failures == ()
    assert columns == []
    assert [each.place for each in report.statements] == [
        "shop/20260101000000_change:1",
        "shop/20260101000000_change:2",
        "shop/20260102000000_change:1",
    ]
    assert report.load.writes > 5
    assert report.load.failed == 0
    assert "shop.items" in report.load.tables
    assert report.invariants[0].after == 0
    assert report.digest == subject.plan.digest
    assert reports.latest(subject.folder, report.digest) == report
    assert [each.name for each in subject.folder.iterdir()] == [f"{report.id}.json"]
    assert any(
        "physical copy" in each and each.text.startswith("the database is copied: {way}") for each in said
    )


async def test_a_plan_that_breaks_an_invariant_is_named_with_it(pg: Any, folder: Path) -> None:
    scripts = ("ALTER TABLE shop.items DROP CONSTRAINT items_quantity_check;"
               "UPDATE shop.items SET quantity = -1 WHERE id <= 3;",
               "ALTER TABLE shop.items RENAME COLUMN note TO remark;")  # fmt: skip
    async with _subject(pg, folder, *scripts, invariants=(STOCK, LATEST)) as subject:
        report = await rehearse(subject, QUICK, apply_pending)
    assert not report.ok
    assert (
        "invariant stock (No item has less than none) is broken: 3 offending rows after the plan, 0 before"
        in report.failures
    )
    assert any(
        each.startswith('invariant noted (Every item has a note) cannot be asked any more: column "note"')
        for each in report.failures
    )


async def test_a_statement_that_makes_writers_wait_is_named(pg: Any, folder: Path) -> None:
    script = "ALTER TABLE shop.items ADD COLUMN colour text;\nSELECT pg_sleep(1.5);"
    async with _subject(pg, folder, script) as subject:
        careless = replace(subject, settings=Settings(max_block=20.0))
        report = await rehearse(careless, QUICK, apply_pending)
    assert not report.ok
    assert any("20260101000000_change:2 makes writers wait" in each for each in report.failures), report
    slow = next(each for each in report.statements if each.line == 2)
    assert slow.blocks
    assert slow.worst > 1.0
    assert slow.seconds > 1.0


async def test_a_migration_that_declares_how_long_it_blocks_may_do_so(pg: Any, folder: Path) -> None:
    script = "-- nexus: may-block=20s\nALTER TABLE shop.items ADD COLUMN colour text;\nSELECT pg_sleep(1.5);"
    async with _subject(pg, folder, script) as subject:
        report = await rehearse(subject, QUICK, apply_pending)
    assert report.failures == ()
    assert max(each.worst for each in report.statements) > 1.0


async def test_a_plan_that_cannot_give_way_is_not_applied_at_all(pg: Any, folder: Path) -> None:
    script = "ALTER TABLE shop.items ADD COLUMN colour text;\nSELECT pg_sleep(2);"
    async with _subject(pg, folder, script) as subject:
        report = await rehearse(
            subject, Options(window=0.2, settle=0.3, patience=2.0, max_wait=1.0), apply_pending
        )
    assert not report.ok
    assert report.failures[0].startswith("shop/20260101000000_change: ")
    assert max(each.attempts for each in report.statements) > 1
    assert max(each.worst for each in report.statements) < 1.5  # writers went first


async def test_writes_that_fail_from_then_on_are_told_with_their_cause(pg: Any, folder: Path) -> None:
    script = (
        "ALTER TABLE shop.items ADD COLUMN needed int;\nUPDATE shop.items SET needed = 1;\n"
        "ALTER TABLE shop.items ALTER COLUMN needed SET NOT NULL;"
    )
    async with _subject(pg, folder, script, rows=50) as subject:
        report = await rehearse(
            subject, Options(window=0.2, settle=1.5, rate=3.0, max_wait=1.0), apply_pending
        )
    assert not report.ok
    assert any("makes writes fail" in each and "not-null constraint" in each for each in report.failures)


async def test_a_column_that_running_releases_write_must_not_go(pg: Any, folder: Path) -> None:
    script = "ALTER TABLE shop.items RENAME COLUMN note TO remark;"
    name = "20260101000000_change"
    async with _subject(pg, folder, f"-- nexus: phase=expand\n{script}") as subject:
        old = RunningRelease("shop", "1.0", "abc")
        report = await rehearse(replace(subject, running=(old,)), STEADY, apply_pending)
        new = replace(old, migrations=frozenset({name}))
        other = await rehearse(replace(subject, running=(new,)), STEADY, apply_pending)
    assert any(
        each.startswith(f"shop/{name}:2 makes writes fail: ") and 'column "note"' in each
        for each in report.failures
    ), report
    assert other.failures == ()
    assert any("every running release has this migration" in each for each in other.notes)


async def test_statements_of_one_line_are_timed_apart(pg: Any, folder: Path) -> None:
    script = "ALTER TABLE shop.items ADD COLUMN a int; ALTER TABLE shop.ledger ADD COLUMN b int;"
    async with _subject(pg, folder, script) as subject:
        report = await rehearse(subject, QUICK, apply_pending)
    assert [each.head for each in report.statements] == [
        "ALTER TABLE shop.items ADD COLUMN a int",
        "ALTER TABLE shop.ledger ADD COLUMN b int",
    ]


async def test_a_statement_that_postgresql_refuses_is_told(pg: Any, folder: Path) -> None:
    async with _subject(pg, folder, "ALTER TABLE shop.items ADD CHECK (quantity > 5);") as subject:
        report = await rehearse(subject, QUICK, apply_pending)
    assert not report.ok
    assert report.failures[0].startswith("shop/20260101000000_change: ")
    assert "violated by some row" in report.failures[0]


async def test_a_release_that_is_not_ready_on_the_new_schema_fails_the_rehearsal(
    pg: Any, folder: Path
) -> None:
    async def smoke(there: Scratch, offended: frozenset[str]) -> tuple[Smoke, ...]:
        rows = await fetch(there.url, "SELECT count(*) FROM shop.more")
        assert offended == {"never"}
        return (Smoke("shop", "1.0", "abc", "failed", f"not ready, {rows[0][0]} rows"),)

    script = "CREATE TABLE shop.more (id int);"
    async with _subject(pg, folder, script, invariants=(STOCK, NEVER)) as subject:
        report = await rehearse(subject, QUICK, apply_pending, smoke)
    assert report.failures == ("release shop 1.0 fails on the new schema: not ready, 0 rows",)


async def test_rates_are_measured_where_there_is_enough_to_measure(pg: Any, folder: Path) -> None:
    script = "-- nexus: may-block=60s\nALTER TABLE shop.items ALTER quantity TYPE bigint;"
    async with _subject(
        pg, folder, "ALTER TABLE shop.items DROP COLUMN twice;", script, rows=60_000
    ) as subject:
        report: Report = await rehearse(subject, QUICK, apply_pending)
    assert report.rates.measured
    assert report.rates.rewrite > 1e5


async def test_an_empty_plan_is_no_rehearsal(pg: Any, folder: Path) -> None:
    async with _subject(pg, folder) as subject:
        with pytest.raises(RehearsalFailed, match="there is nothing to rehearse"):
            await rehearse(subject, QUICK, apply_pending)
    assert not subject.folder.exists()
