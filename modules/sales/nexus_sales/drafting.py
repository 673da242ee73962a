"""From what a client sends to priced lines: one look at customers, products and prices."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from nexus_kit import Tx, problem

from nexus_sales.models import NewLine
from nexus_sales.pricing import LARGEST_TOTAL, PricedLine, line_total, order_total

_LOOK_UP = """
SELECT c.id AS customer_id, c.name AS customer_name, c.status AS customer_status,
       l.id AS list_id, l.name AS list_name, l.currency AS list_currency,
       l.active AND current_date BETWEEN l.valid_from AND coalesce(l.valid_until, 'infinity') AS list_valid,
       p.id AS product_id, p.sku, p.name, p.unit, p.active, p.currency, p.list_price,
       i.unit_price AS listed_price
FROM (
    SELECT coalesce((SELECT merged_into FROM customers WHERE company_id = $1 AND id = $2), $2) AS id
) AS wanted
LEFT JOIN customers c ON c.company_id = $1 AND c.id = wanted.id
LEFT JOIN price_lists l ON l.company_id = $1 AND l.id = $3
LEFT JOIN products p ON p.company_id = $1 AND p.id = ANY($4::uuid[])
LEFT JOIN price_list_items i ON i.company_id = $1 AND i.price_list_id = l.id AND i.product_id = p.id
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of an order before it is stored; a merged customer stands replaced by the kept one."""

    customer_id: UUID
    customer_name: str
    price_list_id: UUID | None
    currency: str
    total: Decimal
    lines: list[PricedLine]


async def draft(
    tx: Tx, company_id: UUID, customer_id: UUID, price_list_id: UUID | None, lines: list[NewLine]
) -> Draft:
    """Price the lines for a customer.

    Raises 422 problems that name the customer, price list or product that is unknown or cannot be used. What
    was made a moment ago in its own module may still be on its way: those problems carry ``retry: true``.
    """
    wanted = list({line.product_id for line in lines})
    rows = await tx.fetch(_LOOK_UP, company_id, customer_id, price_list_id, wanted)
    first = rows[0]
    _check_customer(first, customer_id)
    _check_list(first, price_list_id)
    products = {row["product_id"]: row for row in rows}
    priced = [_price(products.get(line.product_id), line, index) for index, line in enumerate(lines)]
    currency = first["list_currency"] or products[lines[0].product_id]["currency"]
    for index, line in enumerate(lines):
        _check_currency(products[line.product_id], line, currency, index)
    total = order_total(priced)
    if total > LARGEST_TOTAL:
        raise problem(422, "total-too-large", "The order's total is too large.", field="lines")
    return Draft(first["customer_id"], first["customer_name"], price_list_id, currency, total, priced)


def _check_customer(row: Any, customer_id: UUID) -> None:
    if row["customer_id"] is None:
        raise problem(
            422,
            "unknown-customer",
            f"Sales does not know customer {customer_id}. If it was created a moment ago, try again.",
            field="customer_id",
            customer_id=str(customer_id),
            retry=True,
        )
    if row["customer_status"] != "active":
        raise problem(
            422,
            "customer-not-active",
            f"Customer {row['customer_name']} is not active: activate it in the CRM first.",
            field="customer_id",
            customer_id=str(customer_id),
        )


def _check_list(row: Any, price_list_id: UUID | None) -> None:
    if price_list_id is None:
        return
    if row["list_id"] is None:
        raise problem(
            422, "unknown-price-list", f"There is no price list {price_list_id}.", field="price_list_id"
        )
    if not row["list_valid"]:
        raise problem(
            422,
            "price-list-not-valid",
            f"Price list {row['list_name']} is not valid today.",
            field="price_list_id",
        )


def _price(product: Any, line: NewLine, index: int) -> PricedLine:
    if product is None:
        raise problem(
            422,
            "unknown-product",
            f"Sales does not know product {line.product_id}. If it was created a moment ago, try again.",
            field=f"lines.{index}.product_id",
            product_id=str(line.product_id),
            retry=True,
        )
    if not product["active"]:
        raise problem(
            422,
            "product-not-active",
            f"Product {product['sku']} is no longer sold.",
            field=f"lines.{index}.product_id",
            product_id=str(line.product_id),
        )
    price = line.unit_price
    if price is None:
        price = product["list_price"] if product["listed_price"] is None else product["listed_price"]
    return PricedLine(
        line.product_id,
        product["sku"],
        product["name"],
        product["unit"],
        line.quantity,
        price,
        line.discount_percent,
        line_total(line.quantity, price, line.discount_percent),
    )


def _check_currency(product: Any, line: NewLine, currency: str, index: int) -> None:
    """A product's own price counts only in its own currency."""
    own_price = line.unit_price is None and product["listed_price"] is None
    if own_price and product["currency"] != currency:
        raise problem(
            422,
            "currency-mismatch",
            f"Product {product['sku']} is priced in {product['currency']}, the order is in {currency}:"
            " send unit_price or use a price list that has it.",
            field=f"lines.{index}.unit_price",
        )
