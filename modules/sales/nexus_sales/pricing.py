"""What a line costs: pure arithmetic on Decimals, commercial rounding to cents."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

CENT = Decimal("0.01")
LARGEST_TOTAL = Decimal("9999999999999.99")


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with all that is stored of it."""

    product_id: UUID
    sku: str
    description: str
    unit: str
    quantity: Decimal
    unit_price: Decimal
    discount_percent: Decimal
    total: Decimal


def line_total(quantity: Decimal, unit_price: Decimal, discount_percent: Decimal) -> Decimal:
    """Quantity times price less the discount, rounded half up to cents."""
    return (quantity * unit_price * (100 - discount_percent) / 100).quantize(CENT, ROUND_HALF_UP)


def order_total(lines: list[PricedLine]) -> Decimal:
    """The sum of the lines' totals."""
    return sum((line.total for line in lines), Decimal("0.00"))
