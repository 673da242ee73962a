"""The ERP's own migrations."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.migrations.linting import lint
from nexus.migrations.linting.finding import Finding
from nexus.migrations.migration import Migration, Source
from nexus.migrations.readers import Reader, readers_of
from nexus.migrations.reading import read
from nexus.stack import load_stack

ROOT = Path(__file__).resolve().parents[5]
STACK = load_stack(ROOT)


def sources() -> list[Source]:
    return [
        Source(each.name, each.database.schema_, "owner", "role", each.migrations)
        for each in STACK.services
        if each.database and each.migrations
    ]


@pytest.fixture(scope="module")
def readers() -> tuple[Reader, ...]:
    return readers_of(STACK)


def linted(readers: tuple[Reader, ...], *more: tuple[Source, Migration]) -> tuple[Finding, ...]:
    files = [(source, each) for source in sources() for each in read(source)]
    return lint([*files, *more], None, readers)


def test_they_have_no_error_and_the_one_warning_is_right(readers: tuple[Reader, ...]) -> None:
    told = [each for each in linted(readers) if each.level != "note"]
    assert [(each.rule, each.level, Path(each.file).parent.name) for each in told] == [
        ("backfill-in-one-statement", "warning", "20261125000000_synthetic")
    ]


def test_a_column_that_a_kpi_and_an_invariant_read_cannot_be_dropped_unseen(
    readers: tuple[Reader, ...],
) -> None:
    sales = next(each for each in sources() if each.module == "sales")
    drop = Migration("20270101000000_drop", "ALTER TABLE orders DROP COLUMN total;", "")
    (told,) = [each for each in linted(readers, (sales, drop)) if each.rule == "drops-what-others-read"]
    assert told.level == "error"
    assert "modules/sales/kpis/order_value_per_hour.sql:" in told.sentence
