"""Orders in the database: one statement per function, whatever the number of orders and lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record
from nexus_kit import SYNTHETIC_COMPANY, Event, Problem, Tx, new_id, problem, tracing

from nexus_sales.drafting import Draft
from nexus_sales.machine import Entry, Step
from nexus_sales.models import Line, NewOrder
from nexus_sales.pricing import PricedLine
from nexus_sales.states import Invoice, Order, State, Stock

SUMMARY = (
    "id, number, customer_id, customer_name, state, exception, shipment_state, invoice_state, currency,"
    " total, of_probe AS synthetic, created_at, confirmed_at, done_at, cancelled_at"
)
FULL = (
    f"{SUMMARY}, price_list_id, notes, cancel_reason, reserved_at, shipped_at, invoiced_at, paid_at,"
    " reconciled_at, stock, stock_at, trace"
)
_LOGGED = frozenset({"order.completed", "order.cancelled"})
_MACHINE = (
    "confirmed_at",
    "reserved_at",
    "shipped_at",
    "invoiced_at",
    "paid_at",
    "reconciled_at",
    "done_at",
    "cancelled_at",
    "cancel_reason",
)

_INSERT = f"""
WITH customer AS (
    SELECT id FROM customers WHERE company_id = $1 AND id = $4 AND status = 'active' FOR SHARE
), made AS (
    INSERT INTO orders (company_id, id, number, customer_id, customer_name, price_list_id, currency, total,
                        notes, synthetic, state, created_by, trace)
    SELECT $1, $2, $3, id, $5, $6, $7, $8, $9, $10, $11, $12, $25 FROM customer
    RETURNING {FULL}
), lines AS (
    INSERT INTO order_lines (company_id, order_id, position, id, product_id, sku, description, unit, quantity,
                             unit_price, discount_percent, total)
    SELECT $1, made.id, l.*
    FROM made, unnest($15::smallint[], $16::uuid[], $17::uuid[], $18::text[], $19::text[], $20::text[],
                      $21::numeric[], $22::numeric[], $23::numeric[], $24::numeric[]) AS l
), told AS (
    INSERT INTO order_timeline (company_id, order_id, event, actor)
    SELECT $1, made.id, e, $14 FROM made, unnest($13::text[]) AS e
)
SELECT * FROM made
"""
_HOLD = "SELECT id FROM customers WHERE company_id = $1 AND id = $2 AND status = 'active' FOR SHARE"
_SAVE = """
WITH changed AS (
    UPDATE orders o
    SET state = c.state, exception = c.exception, shipment_state = c.shipment_state,
        invoice_state = c.invoice_state, stock_at = c.stock_at, confirmed_at = c.confirmed_at,
        reserved_at = c.reserved_at, shipped_at = c.shipped_at, invoiced_at = c.invoiced_at,
        paid_at = c.paid_at, reconciled_at = c.reconciled_at, done_at = c.done_at,
        cancelled_at = c.cancelled_at, cancel_reason = c.cancel_reason
    FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[],
                $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::text[])
         AS c(id, state, exception, shipment_state, invoice_state, stock_at, confirmed_at, reserved_at,
              shipped_at, invoiced_at, paid_at, reconciled_at, done_at, cancelled_at, cancel_reason)
    WHERE o.company_id = $1 AND o.id = c.id
)
INSERT INTO order_timeline (company_id, order_id, at, event, params, actor)
SELECT $1, * FROM unnest($17::uuid[], $18::timestamptz[], $19::text[], $20::jsonb[], $21::text[])
"""


def line_arrays(lines: Sequence[PricedLine]) -> tuple[list[UUID], list[list[Any]]]:
    """New ids for the lines, and the lines' columns as arrays for unnest()."""
    ids = [new_id() for _ in lines]
    columns: list[list[Any]] = [
        list(range(1, len(lines) + 1)),
        list(ids),
        [line.product_id for line in lines],
        [line.sku for line in lines],
        [line.description for line in lines],
        [line.unit for line in lines],
        [line.quantity for line in lines],
        [line.unit_price for line in lines],
        [line.discount_percent for line in lines],
        [line.total for line in lines],
    ]
    return ids, columns


async def insert(
    tx: Tx, company_id: UUID, number: int, new: NewOrder, drafted: Draft, user_id: UUID, actor: str
) -> tuple[Record, list[Line]]:
    """Store a new order with its lines and timeline; the customer is held active until the commit.

    The order remembers this request's trace: what is done to it later belongs there.
    """
    ids, columns = line_arrays(drafted.lines)
    row = await tx.fetchrow(
        _INSERT,
        company_id,
        new_id(),
        number,
        drafted.customer_id,
        drafted.customer_name,
        drafted.price_list_id,
        drafted.currency,
        drafted.total,
        new.notes,
        company_id == SYNTHETIC_COMPANY,
        State.QUOTATION if new.quote else State.DRAFT,
        user_id,
        ["order.created", "order.quoted"] if new.quote else ["order.created"],
        actor,
        *columns,
        tracing.current_trace(),
    )
    if row is None:
        raise _customer_changed()
    return row, as_lines(ids, drafted.lines)


async def hold_customer(tx: Tx, company_id: UUID, customer_id: UUID) -> None:
    """Keep a customer from being merged until the commit; problem 409 if it is no longer active."""
    if await tx.fetchval(_HOLD, company_id, customer_id) is None:
        raise _customer_changed()


def _customer_changed() -> Problem:
    return problem(409, "customer-changed", "The customer was changed at this moment: send the order again.")


def as_lines(ids: Sequence[UUID], lines: Sequence[PricedLine]) -> list[Line]:
    """Priced lines as the API shows them."""
    return [
        Line(
            id=line_id,
            position=position,
            product_id=line.product_id,
            sku=line.sku,
            description=line.description,
            unit=line.unit,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount_percent=line.discount_percent,
            total=line.total,
        )
        for position, (line_id, line) in enumerate(zip(ids, lines, strict=True), 1)
    ]


def machine_order(row: Record) -> Order:
    """The state machine's view of a row with FULL or the columns of ``load``."""
    return Order(
        state=State(row["state"]),
        stock=Stock(row["stock"]),
        stock_at=row["stock_at"],
        invoice=Invoice(row["invoice_state"]),
        **{field: row[field] for field in _MACHINE},
    )


def ids(row: Record) -> dict[str, str]:
    """The order as spans and log lines name it."""
    return {"order_id": str(row["id"]), "order_number": str(row["number"])}


async def load(tx: Tx, company_id: UUID, order_ids: Iterable[UUID]) -> list[Record]:
    """Lock orders (in the order of their ids, so that no two batches deadlock); ``now`` is the database's."""
    rows: list[Record] = await tx.fetch(
        f"""SELECT id, number, total, state, stock, stock_at, invoice_state, {", ".join(_MACHINE)},
                   clock_timestamp() AS now
            FROM orders WHERE company_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR UPDATE""",
        company_id,
        list(order_ids),
    )
    return rows


@dataclass(frozen=True, slots=True)
class Decision:
    """What the machine made of an order (a row with number and total); ``actor`` is a user's e-mail or a
    module, ``cause`` its event.
    """

    row: Record
    step: Step
    actor: str
    cause: Event | None = None

    @property
    def order_id(self) -> UUID:
        return UUID(str(self.row["id"]))


async def save(tx: Tx, company_id: UUID, decisions: Sequence[Decision]) -> None:
    """Store what the machine decided, one decision per order, and publish its events."""
    entries = [(one, entry) for one in decisions for entry in one.step.entries]
    orders = [one.step.order for one in decisions]
    await tx.execute(
        _SAVE,
        company_id,
        [one.order_id for one in decisions],
        [order.state for order in orders],
        [order.exception for order in orders],
        [order.shipment_state for order in orders],
        [order.invoice for order in orders],
        [order.stock_at for order in orders],
        *([getattr(order, field) for order in orders] for field in _MACHINE),
        [one.order_id for one, _ in entries],
        [entry.at for _, entry in entries],
        [entry.key for _, entry in entries],
        [entry.params for _, entry in entries],
        [one.actor for one, _ in entries],
    )
    for one in decisions:
        for event, data in one.step.events:
            body = {"order_id": str(one.order_id), **data}
            await tx.publish(event, one.order_id, body, cause=one.cause)
        for entry in one.step.entries:
            if entry.key in _LOGGED:
                tx.log(entry.key, _noted(one, entry), one.cause)


def _noted(decision: Decision, entry: Entry) -> dict[str, Any]:
    """What the log line of an order's end tells beside its ids."""
    noted = {**ids(decision.row), "total": str(decision.row["total"])}
    if entry.key == "order.cancelled":
        return noted | {"from_state": decision.row["state"], "shipped": entry.params["shipped"]}
    order = decision.step.order
    assert order.done_at is not None
    assert order.confirmed_at is not None
    return noted | {"lead_time_s": round((order.done_at - order.confirmed_at).total_seconds(), 3)}
