"""Sales' part: what it knows of customers and products, orders, lines and their timelines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from nexus_company.timeline import Order, Timeline

_CUSTOMERS = (
    "INSERT INTO customers (company_id, id, name, tax_id, email, told_at) VALUES ($1, $2, $3, $4, $5, $6)"
)
_PRODUCTS = """
INSERT INTO products (company_id, id, sku, name, list_price, told_at) VALUES ($1, $2, $3, $4, $5, $6)
"""
_ORDERS = """
INSERT INTO orders (company_id, id, number, customer_id, customer_name, total, state, shipment_state, invoice_state,
                    created_at, confirmed_at, reserved_at, shipped_at, invoiced_at, paid_at, reconciled_at, done_at,
                    cancelled_at, cancel_reason, stock_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $13)
"""
_LINES = """
INSERT INTO order_lines (company_id, order_id, position, id, product_id, sku, description, quantity, unit_price, total)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_TIMELINE = """
INSERT INTO order_timeline (company_id, order_id, at, event, params, actor) VALUES ($1, $2, $3, $4, $5, $6)
"""
_INVOICED_AFTER = timedelta(seconds=1)
_STATES = {
    "done": ("done", "shipped", "paid"),
    "declined": ("cancelled", "none", "none"),
    "open_quote": ("quotation", "none", "none"),
    "awaiting_payment": ("processing", "shipped", "posted"),
}


async def write(connection: asyncpg.Connection, company: UUID, timeline: Timeline) -> None:
    """Inserts the orders in the order of their creation, numbered from 1."""
    customers = [(company, c.id, c.details["name"], c.details["tax_id"], c.details["email"], c.created_at)
                 for c in timeline.customers]  # fmt: skip
    await connection.executemany(_CUSTOMERS, customers)
    products = [
        (company, p.id, p.item.sku, p.item.name, p.item.price, p.created_at)
        for p in (*timeline.products, *timeline.announced)
    ]
    await connection.executemany(_PRODUCTS, products)
    numbered = list(enumerate(timeline.orders, 1))
    await connection.executemany(_ORDERS, [_order(company, number, order) for number, order in numbered])
    await connection.executemany(_LINES, [line for _, order in numbered for line in _lines(company, order)])
    happened = [row for _, order in numbered for row in _happened(company, order)]
    await connection.executemany(_TIMELINE, happened)
    await connection.execute(
        "INSERT INTO order_counters (company_id, next_number) VALUES ($1, $2)", company, len(numbered) + 1
    )


def _order(company: UUID, number: int, order: Order) -> tuple[Any, ...]:
    state, shipment, invoice = _STATES[order.outcome]
    cancelled = order.created_at + timedelta(hours=3) if order.outcome == "declined" else None
    return (
        company, order.id, number, order.customer.id, order.customer.details["name"], order.total, state, shipment,
        invoice, order.created_at, order.confirmed_at, order.shipped_at, order.shipped_at, _invoiced_at(order),
        order.paid_at, order.reconciled_at, order.reconciled_at, cancelled,
        "customer declined" if cancelled else None,
    )  # fmt: skip


def _invoiced_at(order: Order) -> datetime | None:
    return order.shipped_at + _INVOICED_AFTER if order.shipped_at else None


def _lines(company: UUID, order: Order) -> Iterator[tuple[Any, ...]]:
    for position, line in enumerate(order.lines, 1):
        item = line.product.item
        what = (line.product.id, item.sku, item.name, line.quantity, item.price, line.total)
        yield (company, order.id, position, line.id, *what)


def _happened(company: UUID, order: Order) -> Iterator[tuple[Any, ...]]:
    declined = order.created_at + timedelta(hours=3) if order.outcome == "declined" else None
    moments: list[tuple[str, datetime | None, dict[str, Any]]] = [
        ("order.quoted", order.created_at, {}),
        ("order.confirmed", order.confirmed_at, {}),
        ("stock.reserved", order.shipped_at, {}),
        ("shipment.shipped", order.shipped_at, {}),
        ("invoice.posted", _invoiced_at(order), {}),
        ("payment.received", order.paid_at, {}),
        ("payment.reconciled", order.reconciled_at, {}),
        ("order.completed", order.reconciled_at, {}),
        ("order.cancelled", declined, {"reason": "customer declined"}),
    ]
    for event, at, params in moments:
        if at is not None:
            yield (company, order.id, at, event, json.dumps(params), "demo")
