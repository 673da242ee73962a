"""The order's state machine: pure values, no I/O.

An order has one state and, beside it, two facets told by other modules: where its goods are (``stock``, told
by inventory) and where its money is (``invoice`` and the milestones, told by financial). Facts arrive in any
order and may repeat, so facets never go back:

- ``invoice`` climbs none < posted < paid < reversed;
- ``stock`` keeps the fact with the highest key (class, time, rank): returned beats shipped, shipped beats all
  attempts to reserve, and among attempts the latest one counts;
- a milestone (reserved_at ...) keeps its earliest time.

The state follows from the facets (``_settle``); done and cancelled are final.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from nexus_sales.states import BACKORDERABLE, OPEN, TARGETS, Actor, Invoice, Order, State, Stock

_INVOICE_RANK = {step: rank for rank, step in enumerate(Invoice)}
_STOCK_RANK = {place: rank for rank, place in enumerate(Stock)}
_STOCK_CLASS = {Stock.SHIPPED: 1, Stock.RETURNED: 2}
_MILESTONES = {
    "stock.reserved": "reserved_at",
    "shipment.shipped": "shipped_at",
    "invoice.posted": "invoiced_at",
    "payment.received": "paid_at",
    "payment.reconciled": "reconciled_at",
}
_STOCK_FACTS = {
    "stock.reserved": Stock.RESERVED,
    "stock.reservation_failed": Stock.OUT_OF_STOCK,
    "stock.released": Stock.RELEASED,
    "shipment.shipped": Stock.SHIPPED,
    "shipment.failed": Stock.FAILED,
    "shipment.returned": Stock.RETURNED,
}
_INVOICE_FACTS = {
    "invoice.posted": Invoice.POSTED,
    "payment.received": Invoice.PAID,
    "invoice.reversed": Invoice.REVERSED,
}
INVENTORY_FACTS = tuple(_STOCK_FACTS)
FINANCIAL_FACTS = (*_INVOICE_FACTS, "payment.reconciled", "payment.expired")


class Refused(Exception):
    """The machine's table does not allow this; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What another module told about an order: event type, when it happened there, and its data."""

    type: str
    at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the order's timeline: an event key that people's texts hang on, and its parameters."""

    key: str
    at: datetime
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What a command or a fact made of an order: its new value, timeline entries and events to publish."""

    order: Order
    entries: tuple[Entry, ...] = ()
    events: tuple[tuple[str, dict[str, Any]], ...] = ()


def allowed(order: Order) -> tuple[str, ...]:
    """The commands a user may give now, in the order a person would want them."""
    commands = ["edit"] if order.state is State.DRAFT else []
    commands += [
        cause
        for cause in ("quote", "confirm", "cancel")
        if (row := TARGETS.get((cause, order.state))) and Actor.USER in row.actors
    ]
    if _may_backorder(order):
        commands.insert(0, "backorder")
    return tuple(commands)


def move(order: Order, cause: str, actor: Actor) -> State:
    """The state after ``cause``; raises Refused when the table has no such row for this actor."""
    row = TARGETS.get((cause, order.state))
    if row is None or actor not in row.actors:
        may = ", ".join(allowed(order)) or "nothing"
        raise Refused(f"A {order.state} order does not allow '{cause}'; it allows: {may}.")
    return row.target


def cancel(order: Order, reason: str, actor: Actor, now: datetime) -> Step:
    """Cancel the order; others are told only of orders they have heard of (confirmed ones).

    ``shipped`` says whether goods are out. What is invoiced was shipped, even if inventory's event is late.
    """
    state = move(order, "cancel", actor)
    after = replace(order, state=state, cancelled_at=now, cancel_reason=reason)
    invoiced = order.invoiced_at is not None or actor is Actor.FINANCIAL
    shipped = order.stock is Stock.SHIPPED or (invoiced and order.stock is not Stock.RETURNED)
    events = (("order.cancelled", {"reason": reason, "shipped": shipped}),) if order.state in OPEN else ()
    return Step(after, (Entry("order.cancelled", now, {"reason": reason, "shipped": shipped}),), events)


def backorder(order: Order, now: datetime) -> Step:
    """Accept the back-order offered after an exception: inventory reserves when goods arrive."""
    if not _may_backorder(order):
        raise Refused("A back-order is offered only when the stock was missing or the shipment failed.")
    since = now if order.stock_at is None else max(now, order.stock_at + timedelta(microseconds=1))
    after = replace(order, stock=Stock.BACKORDER, stock_at=since)
    return Step(after, (Entry("order.backorder_requested", now, {}),), (("order.backorder_requested", {}),))


def learn(order: Order, fact: Fact, now: datetime) -> Step:
    """What a fact makes of the order; one already known or outdated leaves no trace."""
    if order.state in (State.DRAFT, State.QUOTATION):
        return Step(order)
    if fact.type == "payment.expired":
        return _expire(order, now)
    after = _milestone(order, fact)
    if place := _STOCK_FACTS.get(fact.type):
        after = _place(after, place, fact.at)
    if invoice := _INVOICE_FACTS.get(fact.type):
        after = replace(after, invoice=max(after.invoice, invoice, key=_INVOICE_RANK.__getitem__))
    if after == order:
        return Step(order)
    entries = [] if _look(after) == _look(order) else [Entry(fact.type, fact.at, fact.data)]
    events: list[tuple[str, dict[str, Any]]] = []
    after = _settle(after, fact, now)
    if after.state is State.DONE and order.state is not State.DONE:
        entries.append(Entry("order.completed", now, {}))
        events.append(("order.completed", {}))
    return Step(after, tuple(entries), tuple(events))


def _look(order: Order) -> tuple[Any, ...]:
    """What people see of the facets: a fact that only corrects a time is not worth a line of the timeline."""
    reached = tuple(getattr(order, field) is None for field in _MILESTONES.values())
    return order.stock, order.invoice, *reached


def _expire(order: Order, now: datetime) -> Step:
    """An unpaid charge expired: cancel, unless the money came after all."""
    if order.state not in OPEN or order.paid_at is not None:
        return Step(order)
    return cancel(order, "payment_expired", Actor.FINANCIAL, now)


def _milestone(order: Order, fact: Fact) -> Order:
    field = _MILESTONES.get(fact.type)
    if field is None:
        return order
    known: datetime | None = getattr(order, field)
    return order if known is not None and known <= fact.at else replace(order, **cast(Any, {field: fact.at}))


def _place(order: Order, place: Stock, at: datetime) -> Order:
    if order.stock_at is not None and _key(place, at) <= _key(order.stock, order.stock_at):
        return order
    return replace(order, stock=place, stock_at=at)


def _key(place: Stock, at: datetime) -> tuple[int, datetime, int]:
    return _STOCK_CLASS.get(place, 0), at, _STOCK_RANK[place]


def _settle(order: Order, fact: Fact, now: datetime) -> Order:
    """Move the state to where the facets have it."""
    actor = Actor.INVENTORY if fact.type in _STOCK_FACTS else Actor.FINANCIAL
    begun = any(getattr(order, field) for field in _MILESTONES.values())
    if order.state is State.CONFIRMED and begun:
        order = replace(order, state=move(order, "begin", actor))
    if order.state is State.PROCESSING and order.complete:
        order = replace(order, state=move(order, "complete", actor), done_at=now)
    return order


def _may_backorder(order: Order) -> bool:
    return order.state in OPEN and order.invoice is not Invoice.REVERSED and order.stock in BACKORDERABLE
