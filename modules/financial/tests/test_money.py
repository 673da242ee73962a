"""Money is exact: nothing appears or vanishes between lines, totals, entries and their reversals."""

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_financial import ledger
from nexus_financial.money import cents, line_total, total

amounts = st.decimals(min_value="0.01", max_value="9999999.99", places=2)
quantities = st.decimals(min_value="0.0001", max_value="99999.9999", places=4)
A, B = UUID(int=1), UUID(int=2)


@given(st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False))
def test_rounding_to_cents_moves_at_most_half_a_cent_and_is_stable(value: Decimal) -> None:
    rounded = cents(value)
    assert abs(rounded - value) <= Decimal("0.005")
    assert cents(rounded) == rounded
    assert cents(-value) == -rounded


@pytest.mark.parametrize(("value", "rounded"), [("0.005", "0.01"), ("2.675", "2.68"), ("-0.005", "-0.01")])
def test_half_a_cent_rounds_away_from_zero(value: str, rounded: str) -> None:
    assert cents(value) == Decimal(rounded)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e17"])
def test_what_cannot_be_stored_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"amount"):
        cents(value)


@given(st.lists(amounts, max_size=50))
def test_a_total_is_the_exact_sum_in_any_order(values: list[Decimal]) -> None:
    assert total(values) == sum(values, Decimal(0)) == total(reversed(values))


@given(quantities, amounts)
def test_a_line_is_rounded_once(quantity: Decimal, unit: Decimal) -> None:
    assert abs(line_total(quantity, unit) - quantity * unit) <= Decimal("0.005")


@given(st.lists(amounts, min_size=1, max_size=20))
def test_an_entry_and_its_mirror_cancel_out(values: list[Decimal]) -> None:
    lines = [ledger.Line(A, debit=value) for value in values] + [ledger.Line(B, credit=total(values))]
    assert ledger.imbalance(lines) == 0
    mirror = ledger.reversal(UUID(int=9), "x", lines)
    assert ledger.imbalance(mirror.lines) == 0
    assert mirror.total == total(values)
    for account in (A, B):
        net = [line.debit - line.credit for line in (*lines, *mirror.lines) if line.account_id == account]
        assert sum(net) == 0
