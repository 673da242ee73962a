"""Inventory's part: products, the warehouse, receipts, shipments and the movements behind the levels."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from nexus_company.timeline import Order, Timeline, uuid7

_PRODUCTS = """
INSERT INTO products (company_id, id, sku, name, list_price, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6)
"""
_WAREHOUSE = """
WITH made AS (
    INSERT INTO warehouses (company_id, id, name, dispatch, is_default, created_at)
    SELECT $1, $2, 'Centro de distribuição', 'automatic', true, $3
     WHERE NOT EXISTS (SELECT 1 FROM warehouses WHERE is_default)
    RETURNING id)
SELECT id FROM made UNION ALL SELECT id FROM warehouses WHERE is_default
"""
_RECEIPTS = """
INSERT INTO receipts (company_id, id, warehouse_id, reference, created_at) VALUES ($1, $2, $3, $4, $5)
"""
_MOVEMENTS = """
INSERT INTO movements (company_id, id, warehouse_id, product_id, kind, quantity, unit_cost, document_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_DEMANDS = (
    "INSERT INTO demands (company_id, order_id, number, state, created_at) VALUES ($1, $2, $3, 'shipped', $4)"
)
_SHIPMENTS = """
INSERT INTO shipments (company_id, id, order_id, warehouse_id, state, created_at, shipped_at)
VALUES ($1, $2, $3, $4, 'shipped', $5, $6)
"""
_SHIPMENT_LINES = """
INSERT INTO shipment_lines (company_id, shipment_id, product_id, quantity, unit_cost) VALUES ($1, $2, $3, $4, $5)
"""
_RESERVATIONS = """
INSERT INTO reservations (company_id, id, warehouse_id, product_id, order_id, shipment_id, quantity, state, created_at,
                          closed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'consumed', $8, $9)
"""
_STOCK = """
INSERT INTO stock (company_id, warehouse_id, product_id, on_hand, average_cost) VALUES ($1, $2, $3, $4, $5)
"""


async def write(connection: asyncpg.Connection, company: UUID, timeline: Timeline) -> None:
    """Inserts what came in and what went out; the levels are what remains."""
    rng = random.Random(len(timeline.orders))
    opened = timeline.receipts[0].at
    cost = {product.id: product.item.cost for product in timeline.products}
    warehouse = await connection.fetchval(_WAREHOUSE, company, uuid7(opened, rng), opened)
    await connection.executemany(
        _PRODUCTS,
        [
            (company, p.id, p.item.sku, p.item.name, p.item.price, p.created_at)
            for p in (*timeline.products, *timeline.announced)
        ],
    )
    receipts = [
        (company, r.id, warehouse, f"NF {n:06d}", r.at) for n, r in enumerate(timeline.receipts, 4101)
    ]
    await connection.executemany(_RECEIPTS, receipts)
    shipped = [(number, order) for number, order in enumerate(timeline.orders, 1) if order.shipped_at]
    movements = sorted(
        [
            *_incoming(company, warehouse, timeline, cost, rng),
            *_outgoing(company, warehouse, shipped, cost, rng),
        ],
        key=lambda row: row[8],
    )
    await connection.executemany(_MOVEMENTS, movements)
    demands = [(company, order.id, str(number), order.confirmed_at) for number, order in shipped]
    await connection.executemany(_DEMANDS, demands)
    orders = [order for _, order in shipped]
    await connection.executemany(
        _SHIPMENTS,
        [(company, shipment_id(o), o.id, warehouse, o.confirmed_at, o.shipped_at) for o in orders],
    )
    lines = [(o, line) for o in orders for line in o.lines]
    await connection.executemany(
        _SHIPMENT_LINES,
        [(company, shipment_id(o), ln.product.id, ln.quantity, cost[ln.product.id]) for o, ln in lines],
    )
    await connection.executemany(
        _RESERVATIONS,
        [
            (
                company,
                ln.id,
                warehouse,
                ln.product.id,
                o.id,
                shipment_id(o),
                ln.quantity,
                o.confirmed_at,
                o.shipped_at,
            )
            for o, ln in lines
        ],
    )
    levels: Counter[UUID] = Counter()
    for movement in movements:
        levels[movement[3]] += movement[5]
    await connection.executemany(
        _STOCK, [(company, warehouse, p, level, cost[p]) for p, level in levels.items()]
    )


def shipment_id(order: Order) -> UUID:
    """The shipment of an order: its id with another last bit, so that both sort by the order's time."""
    return UUID(int=order.id.int ^ 1)


def _incoming(
    company: UUID, warehouse: UUID, timeline: Timeline, cost: dict[UUID, Decimal], rng: random.Random
) -> Iterator[tuple[Any, ...]]:
    for receipt in timeline.receipts:
        for product, quantity in receipt.quantities.items():
            row = (product, "receipt", quantity, cost[product], receipt.id, receipt.at)
            yield (company, uuid7(receipt.at, rng), warehouse, *row)


def _outgoing(
    company: UUID,
    warehouse: UUID,
    shipped: list[tuple[int, Order]],
    cost: dict[UUID, Decimal],
    rng: random.Random,
) -> Iterator[tuple[Any, ...]]:
    for _, order in shipped:
        assert order.shipped_at is not None
        for line in order.lines:
            product = line.product.id
            row = (product, "shipment", -line.quantity, cost[product], shipment_id(order), order.shipped_at)
            yield (company, uuid7(order.shipped_at, rng), warehouse, *row)
