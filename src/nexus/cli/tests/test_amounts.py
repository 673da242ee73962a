"""Figures for people."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nexus.cli.amounts import amount, change, size, sparkline


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234.56, "BRL", "R$ 1.234,56"),
        (-0.5, "BRL", "-R$ 0,50"),
        (1234.5, "USD", "US$ 1,234.50"),
        (98.44, "%", "98.4%"),
        (200, "s", "3 m 20 s"),
        (0, "s", "0 s"),
        (1.5, "h", "1 h 30 m"),
        (12345, "count", "12,345"),
        (12.5, "orders/min", "12.5 orders/min"),
        (0.00012, "", "0.00012"),
        (float("inf"), "", "inf"),
        (None, "BRL", "-"),
    ],
)
def test_a_figure_is_written_as_its_unit_is(value: float | None, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_figures_follow_the_operators_language(spoken_by: Callable[[str], None]) -> None:
    spoken_by("pt-BR")
    assert (amount(1234.5, "count"), amount(98.44, "%"), amount(5, "USD")) == ("1.234,5", "98,4%", "US$ 5,00")


def test_a_sparkline_goes_from_the_least_to_the_greatest_and_leaves_gaps() -> None:
    assert sparkline([0, None, 5, 10]) == "▁ ▅█"
    assert sparkline([3, 3]) == "▁▁"
    assert sparkline([None, None]) == "  "


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        (10, 12, "+20%"),
        (10, 10, "="),
        (1000, 1001, "≈"),
        (0, 3, "↑"),
        (0.01, 5, "↑"),
        (None, 3, ""),
        (-4, -2, "+50%"),
    ],
)
def test_a_change_is_told_in_percent_where_that_says_something(
    before: float | None, now: float, text: str
) -> None:
    assert change(before, now) == text


def test_memory_is_told_in_decimal_units() -> None:
    assert [size(each) for each in (512, 43_210, 12_345_678, 3_000_000_000)] == [
        "512 B",
        "43.2 kB",
        "12.3 MB",
        "3 GB",
    ]
