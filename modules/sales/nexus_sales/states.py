"""The order's states, its two facets, and the table of what may move it: values, no I/O."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where the order itself is."""

    DRAFT = "draft"
    QUOTATION = "quotation"
    CONFIRMED = "confirmed"
    PROCESSING = "processing"
    DONE = "done"
    CANCELLED = "cancelled"


class Stock(StrEnum):
    """Where the goods are. ``released`` and ``out_of_stock`` show as no shipment, with an exception."""

    NONE = "none"
    RELEASED = "released"
    OUT_OF_STOCK = "out_of_stock"
    BACKORDER = "backorder"
    RESERVED = "reserved"
    FAILED = "failed"
    SHIPPED = "shipped"
    RETURNED = "returned"


class Invoice(StrEnum):
    """Where the money is."""

    NONE = "none"
    POSTED = "posted"
    PAID = "paid"
    REVERSED = "reversed"


class Actor(StrEnum):
    """Who may cause a transition."""

    USER = "user"
    INVENTORY = "inventory"
    FINANCIAL = "financial"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table: ``cause`` moves an order from ``source`` to ``target``, if an actor may."""

    cause: str
    source: State
    target: State
    actors: frozenset[Actor]


def _rows(cause: str, sources: tuple[State, ...], target: State, *actors: Actor) -> list[Transition]:
    return [Transition(cause, source, target, frozenset(actors)) for source in sources]


TRANSITIONS: tuple[Transition, ...] = (
    *_rows("quote", (State.DRAFT,), State.QUOTATION, Actor.USER),
    *_rows("confirm", (State.QUOTATION,), State.CONFIRMED, Actor.USER),
    *_rows("cancel", (State.DRAFT, State.QUOTATION), State.CANCELLED, Actor.USER),
    *_rows("cancel", (State.CONFIRMED, State.PROCESSING), State.CANCELLED, Actor.USER, Actor.FINANCIAL),
    *_rows("begin", (State.CONFIRMED,), State.PROCESSING, Actor.INVENTORY, Actor.FINANCIAL),
    *_rows("complete", (State.PROCESSING,), State.DONE, Actor.INVENTORY, Actor.FINANCIAL),
)
OPEN = frozenset({State.CONFIRMED, State.PROCESSING})
BACKORDERABLE = frozenset({Stock.OUT_OF_STOCK, Stock.FAILED, Stock.RELEASED})

TARGETS = {(row.cause, row.source): row for row in TRANSITIONS}


@dataclass(frozen=True, slots=True)
class Order:
    """What the machine needs to know of an order. Times are aware UTC datetimes."""

    state: State = State.DRAFT
    stock: Stock = Stock.NONE
    stock_at: datetime | None = None
    invoice: Invoice = Invoice.NONE
    confirmed_at: datetime | None = None
    reserved_at: datetime | None = None
    shipped_at: datetime | None = None
    invoiced_at: datetime | None = None
    paid_at: datetime | None = None
    reconciled_at: datetime | None = None
    done_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None

    @property
    def exception(self) -> str | None:
        """What needs a person: out_of_stock, shipment_failed, stock_released, returned, invoice_reversed."""
        if self.state not in OPEN:
            return None
        if self.invoice is Invoice.REVERSED:
            return "invoice_reversed"
        return {
            Stock.OUT_OF_STOCK: "out_of_stock",
            Stock.FAILED: "shipment_failed",
            Stock.RELEASED: "stock_released",
            Stock.RETURNED: "returned",
        }.get(self.stock)

    @property
    def shipment_state(self) -> str:
        """The goods as the API shows them: none, reserved, backorder, shipped, returned or failed."""
        return "none" if self.stock in (Stock.OUT_OF_STOCK, Stock.RELEASED) else self.stock.value

    @property
    def complete(self) -> bool:
        """Shipped, invoiced, paid and reconciled, and nothing of it taken back."""
        passed = (self.shipped_at, self.invoiced_at, self.paid_at, self.reconciled_at)
        return None not in passed and self.stock is Stock.SHIPPED and self.invoice is Invoice.PAID


def sources(cause: str) -> tuple[State, ...]:
    """The states from which ``cause`` may happen."""
    return tuple(row.source for row in TRANSITIONS if row.cause == cause)
