"""Order-to-cash as sales sees it: facts from inventory and financial move orders, a whole batch at a time."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from nexus_kit import Event, Module, Tx, log

from nexus_sales.machine import FINANCIAL_FACTS, INVENTORY_FACTS, Fact, Step, learn
from nexus_sales.order_rows import Decision, load, machine_order, save

# What of an event's data people may see in the order's timeline; costs stay where they are.
_SHOWN = (
    "shipment_id",
    "reason",
    "invoice_id",
    "number",
    "txid",
    "amount",
    "total",
    "payment_id",
    "credit_note_id",
)


def register(module: Module) -> None:
    """Listen to inventory and financial."""
    module.on_batch("inventory", *INVENTORY_FACTS)(follow)
    module.on_batch("financial", *FINANCIAL_FACTS)(follow)


async def follow(tx: Tx, events: list[Event]) -> None:
    """Let the events of one company move their orders: one read, one write."""
    told: defaultdict[UUID, list[Event]] = defaultdict(list)
    for event in events:
        told[UUID(event.data["order_id"])].append(event)
    company_id = events[0].company_id
    rows = await load(tx, company_id, told)
    for unknown in told.keys() - {row["id"] for row in rows}:
        log.warning("event of an order that does not exist", extra={"order_id": str(unknown)})
    decisions = []
    for row in rows:
        facts = told[row["id"]]
        order = machine_order(row)
        step = Step(order)
        for event in sorted(facts, key=lambda event: event.occurred_at):
            after = learn(step.order, Fact(event.type, event.occurred_at, _shown(event)), row["now"])
            step = Step(after.order, step.entries + after.entries, step.events + after.events)
        if step.order != order:
            decisions.append(Decision(row, step, events[0].module, facts[-1]))
    if decisions:
        await save(tx, company_id, decisions)


def _shown(event: Event) -> dict[str, Any]:
    shown = {key: event.data[key] for key in _SHOWN if event.data.get(key) is not None}
    if event.type == "stock.reservation_failed":
        shown["lines"] = event.data.get("lines", [])
    return shown
