"""What sales tells: orders confirmed, back-orders accepted, orders cancelled. Whole batches at a time."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from nexus_kit import Event, NotYet, Tx

from .allocation import Wish
from .backorders import stock_came_in
from .fulfilment import enqueue, lock_demands, register, serve_new, serve_queue
from .levels import totals
from .reversal import cancel_orders
from .service import module


@module.on_batch("sales", "order.confirmed")
async def order_confirmed(tx: Tx, events: list[Event]) -> None:
    """Reserve all lines of each order or none, in the order of the events."""
    company_id = events[0].company_id
    confirmed = {event.entity_id: event for event in events}
    new = await register(
        tx, company_id, {order: str(event.data.get("number", "")) for order, event in confirmed.items()}
    )
    wishes = [Wish(order, _lines(event)) for order, event in confirmed.items() if order in new]
    if wishes:
        await serve_new(tx, company_id, wishes)


@module.on_batch("sales", "order.backorder_requested")
async def backorder_requested(tx: Tx, events: list[Event]) -> None:
    """Queue the orders that still lack stock, then serve whoever's turn it is."""
    company_id = events[0].company_id
    states = await lock_demands(tx, [event.entity_id for event in events])
    if early := [event for event in events if event.entity_id not in states]:
        raise NotYet("order.confirmed has not arrived", events=early)
    await enqueue(tx, {event.entity_id: event.occurred_at for event in events})
    await serve_queue(tx, company_id)


@module.on_batch("sales", "order.cancelled")
async def order_cancelled(tx: Tx, events: list[Event]) -> None:
    """Release what is reserved, take back what is shipped, remember what was never heard of."""
    await cancel_orders(tx, events[0].company_id, [event.entity_id for event in events])
    tx.after_commit(stock_came_in)


def _lines(event: Event) -> dict[UUID, Decimal]:
    return totals((UUID(line["product_id"]), Decimal(line["quantity"])) for line in event.data["lines"])
