"""The same statement is nothing on twelve rows, and an error on forty million."""

from __future__ import annotations

import pytest

from nexus.migrations.linting.finding import Finding
from nexus.migrations.linting.tests.linting import found, living

INDEX = "CREATE INDEX i ON orders (a)"


def of(sql: str, rows: int) -> Finding:
    (told,) = [
        each for each in found(sql, living(rows)) if each.rule.startswith(("index", "type", "backfill"))
    ]
    return told


@pytest.mark.parametrize("sql", [INDEX, "ALTER TABLE orders ALTER COLUMN a TYPE bigint"])
def test_twelve_rows_are_a_note_and_forty_million_an_error_with_size_and_time(sql: str) -> None:
    few, many = of(sql, 12), of(sql, 40_000_000)
    assert (few.level, few.living) == ("note", "sales.orders: 12 rows: done at once")
    assert many.level == "error"
    assert many.living.startswith("sales.orders: 40,000,000 rows, 4.0 GB; ~")
    assert many.living.endswith(" wait meanwhile")


def test_an_empty_table_is_a_note() -> None:
    assert of(INDEX, 0).living == "sales.orders is empty: done at once"


def test_between_them_it_is_a_warning() -> None:
    assert of(INDEX, 200_000).level == "warning"


def test_a_backfill_of_few_rows_is_no_finding_and_a_long_one_an_error() -> None:
    sql = "UPDATE orders SET a = 1"
    assert "backfill-in-one-statement" not in {each.rule for each in found(sql, living(90_000))}
    assert of(sql, 1_000_000).level == "warning"
    assert of(sql, 40_000_000).level == "error"


def test_a_table_that_the_database_does_not_have_hurts_nobody() -> None:
    assert [each.rule for each in found("CREATE INDEX i ON unknown (a)", living())] == []


def test_without_a_database_nothing_is_said_of_sizes() -> None:
    (told,) = found(INDEX)
    assert (told.level, told.living) == ("warning", "")
