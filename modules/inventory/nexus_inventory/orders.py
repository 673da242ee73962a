"""What sales tells: orders confirmed, back-orders accepted, orders cancelled. Whole batches at a time.

One handler takes all three kinds, so that a transaction locks orders once and levels once, in the one order
that never deadlocks, however the kinds are mixed in a batch.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from nexus_kit import SYNTHETIC_COMPANY, Event, NotYet, Tx

from . import demands, ledger
from .allocation import Wish
from .backorders import stock_came_in
from .fulfilment import refuse, serve
from .levels import totals
from .reversal import open_shipments, tell_undone, undo
from .service import module
from .synthetic import answer

CONFIRMED, CANCELLED, BACKORDER = "order.confirmed", "order.cancelled", "order.backorder_requested"


@module.on_batch("sales", CONFIRMED, CANCELLED, BACKORDER)
async def orders_told(tx: Tx, events: list[Event]) -> None:
    """Take back what cancelled orders hold, then reserve for confirmed ones in the order of the events.

    A cancellation wins whenever it arrives: before the confirmation it leaves word for it.
    """
    company_id = events[0].company_id
    confirmed, cancelled, requested = (_of(kind, events) for kind in (CONFIRMED, CANCELLED, BACKORDER))
    if company_id == SYNTHETIC_COMPANY:
        await answer(tx, confirmed, cancelled)
        return
    new = await _register(tx, company_id, confirmed, cancelled)
    known = await demands.lock(tx, (cancelled.keys() | requested.keys()) - new)
    if early := [event for order, event in requested.items() if order not in new and order not in known]:
        raise NotYet("order.confirmed has not arrived", events=early)

    shipments = await open_shipments(tx, cancelled.keys() & known.keys())
    serving = new - cancelled.keys()
    wishes = [
        Wish(order, _lines(event), str(event.data.get("number", "")))
        for order, event in confirmed.items()
        if order in serving
    ]
    products = {product for wish in wishes for product in wish.lines}
    stock = await ledger.lock(tx, company_id, products.union(*(shipment.products for shipment in shipments)))
    claims = await ledger.claims(tx, company_id, products)  # under lock: none that was served a moment ago
    await demands.close(tx, cancelled.keys() & known.keys(), "cancelled")
    await undo(tx, shipments, stock, "cancelled", None)
    await tell_undone(tx, shipments)
    outcome = await serve(tx, company_id, wishes, stock, claims)
    await ledger.save(tx, company_id, stock)
    await refuse(tx, company_id, outcome.refusals)
    await demands.enqueue(tx, {order: event.occurred_at for order, event in requested.items()})
    if requested or shipments:
        tx.after_commit(stock_came_in)


async def _register(
    tx: Tx, company_id: UUID, confirmed: dict[UUID, Event], cancelled: dict[UUID, Event]
) -> set[UUID]:
    told = {order: (str(event.data.get("number", "")), "short") for order, event in confirmed.items()}
    told |= {order: (told.get(order, ("",))[0], "cancelled") for order in cancelled}
    return await demands.register(tx, company_id, told)


def _of(kind: str, events: list[Event]) -> dict[UUID, Event]:
    return {event.entity_id: event for event in events if event.type == kind}


def _lines(event: Event) -> dict[UUID, Decimal]:
    return totals((UUID(line["product_id"]), Decimal(line["quantity"])) for line in event.data["lines"])
