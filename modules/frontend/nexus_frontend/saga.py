"""The thread of an order, from quotation to ledger, as a row of steps to draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOVING = frozenset({"confirmed", "processing"})  # states in which other modules may change the order
THREAD = (
    ("quoted", "created_at"),
    ("confirmed", "confirmed_at"),
    ("reserved", "reserved_at"),
    ("shipped", "shipped_at"),
    ("invoiced", "invoiced_at"),
    ("paid", "paid_at"),
    ("reconciled", "reconciled_at"),
    ("done", "done_at"),
)
BROKEN_AT = {
    "out_of_stock": "reserved",
    "stock_released": "reserved",
    "shipment_failed": "shipped",
    "returned": "shipped",
    "invoice_reversed": "invoiced",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step. state: done | now | failed | todo | dropped. at: when it was reached, ISO 8601."""

    name: str
    state: str
    at: str | None


def steps(order: Mapping[str, Any]) -> list[Step]:
    """The order's steps. The first one not yet reached is the one it waits for."""
    state = order["state"]
    broken = BROKEN_AT.get(order.get("exception") or "")
    result: list[Step] = []
    waiting = False
    for name, field in THREAD:
        at = order.get(field)
        if name == "quoted" and state == "draft":
            at = None
        if name == broken:
            result.append(Step(name, "failed", at))
            waiting = True
        elif at:
            result.append(Step(name, "done", at))
        elif state == "cancelled":
            result.append(Step(name, "dropped", None))
        else:
            result.append(Step(name, "todo" if waiting else "now", None))
            waiting = True
    return result
