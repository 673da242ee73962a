"""Arithmetic of money: exact decimals with two places, rounded half up as Brazilian invoices are."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import Field

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
CURRENCY = "BRL"
LARGEST = Decimal("9999999999999999.99")  # NUMERIC(18,2)

Amount = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=2, examples=["1234.56"])]


def cents(value: Decimal | str | int) -> Decimal:
    """`value` in whole cents, half up.

    ValueError when it is not a finite number or too large to be stored.
    """
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"not an amount of money: {value}")
    if abs(number) > LARGEST:
        raise ValueError(f"amount too large: {value}")
    return number.quantize(CENT, ROUND_HALF_UP)


def line_total(quantity: Decimal | str, unit: Decimal | str) -> Decimal:
    """What `quantity` times `unit` is worth, rounded once, to the cent."""
    return cents(Decimal(quantity) * Decimal(unit))


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum in cents (0.00 when empty)."""
    return cents(sum(amounts, ZERO))
