"""What people do with an order: quote, confirm, accept a back-order, cancel."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from nexus_kit import Principal, Tx, problem, tracing

from nexus_sales import machine
from nexus_sales.chassis import Idem, Writer, module
from nexus_sales.models import Cancellation, Line, Order
from nexus_sales.order_rows import FULL, Decision, ids, machine_order, save
from nexus_sales.order_views import as_order, read_lines, read_order
from nexus_sales.states import TARGETS, Actor, sources
from nexus_sales.states import Order as States

router = APIRouter(prefix="/api/sales/orders", tags=["orders"])

_MOVE = f"""
WITH moved AS (
    UPDATE orders SET state = $3::text, confirmed_at = CASE WHEN $3::text = 'confirmed' THEN now() END
    WHERE company_id = $1 AND id = $2 AND state = ANY($4::text[])
    RETURNING {FULL}
), told AS (
    INSERT INTO order_timeline (company_id, order_id, event, actor) SELECT $1, id, $5, $6 FROM moved
)
SELECT moved.*, (
    SELECT jsonb_agg(jsonb_build_object(
        'id', l.id, 'position', l.position, 'product_id', l.product_id, 'sku', l.sku,
        'description', l.description, 'unit', l.unit, 'quantity', l.quantity::text,
        'unit_price', l.unit_price::text, 'discount_percent', l.discount_percent::text, 'total', l.total::text
    ) ORDER BY l.position) FROM order_lines l WHERE l.company_id = $1 AND l.order_id = moved.id) AS lines
FROM moved
"""


@router.post("/{order_id}/quote", response_model=Order)
async def quote_order(who: Writer, idem: Idem, order_id: UUID) -> Response:
    """Make a draft a quotation."""
    async with module.db.write(who, idem) as tx:
        row, lines = await _move(tx, who.company_id, order_id, "quote", "order.quoted", who.email)
        with tracing.continuing(row["trace"], "quote order", **ids(row)):
            return tx.respond(200, as_order(row, lines))


@router.post("/{order_id}/confirm", response_model=Order)
async def confirm_order(who: Writer, idem: Idem, order_id: UUID) -> Response:
    """Confirm a quotation: inventory reserves, financial prepares to invoice."""
    async with module.db.write(who, idem) as tx:
        row, lines = await _move(tx, who.company_id, order_id, "confirm", "order.confirmed", who.email)
        order = as_order(row, lines)
        with tracing.continuing(row["trace"], "confirm order", **ids(row)):
            await tx.publish("order.confirmed", order_id, _confirmed(order), noted=_noted(order) | ids(row))
            return tx.respond(200, order)


@router.post("/{order_id}/cancel", response_model=Order)
async def cancel_order(who: Writer, idem: Idem, order_id: UUID, how: Cancellation) -> Response:
    """Cancel an order that is not done; what was reserved, shipped or invoiced is undone by its owners."""
    async with module.db.write(who, idem) as tx:
        return await _decide(
            tx,
            who,
            order_id,
            "cancel order",
            lambda order, now: machine.cancel(order, how.reason, Actor.USER, now),
        )


@router.post("/{order_id}/backorder", response_model=Order)
async def backorder_order(who: Writer, idem: Idem, order_id: UUID) -> Response:
    """Accept the back-order that an exception offers: the goods are reserved when they arrive."""
    async with module.db.write(who, idem) as tx:
        return await _decide(tx, who, order_id, "accept back-order", machine.backorder)


async def _move(
    tx: Tx, company_id: UUID, order_id: UUID, cause: str, event: str, actor: str
) -> tuple[Any, list[Line]]:
    """A plain move of the table, in one statement; raises 404, or 409 with what is allowed."""
    allowed_in = sources(cause)
    target = TARGETS[cause, allowed_in[0]].target
    row = await tx.fetchrow(_MOVE, company_id, order_id, target, allowed_in, event, actor)
    if row is not None:
        return row, [Line(**line) for line in row["lines"]]
    order = machine_order(await read_order(tx, company_id, order_id))
    try:
        machine.move(order, cause, Actor.USER)
    except machine.Refused as error:
        raise _refused(error, order) from None
    raise problem(409, "order-changed", "The order was changed at this moment: look at it and try again.")


async def _decide(tx: Tx, who: Principal, order_id: UUID, doing: str, command: Any) -> Response:
    """A command the machine decides on: lock the order, ask, store, answer, in the order's trace."""
    row = await read_order(tx, who.company_id, order_id, lock=True)
    with tracing.continuing(row["trace"], doing, **ids(row)):
        now: datetime = await tx.fetchval("SELECT clock_timestamp()")
        order = machine_order(row)
        try:
            step: machine.Step = command(order, now)
        except machine.Refused as error:
            raise _refused(error, order) from None
        await save(tx, who.company_id, [Decision(row, step, who.email)])
        row = await read_order(tx, who.company_id, order_id)
        return tx.respond(200, as_order(row, await read_lines(tx, who.company_id, order_id)))


def _refused(error: machine.Refused, order: States) -> Exception:
    return problem(
        409, "not-allowed-now", str(error), state=order.state, actions=list(machine.allowed(order))
    )


def _noted(order: Order) -> dict[str, Any]:
    return {
        "customer_id": str(order.customer_id),
        "total": str(order.total),
        "currency": order.currency,
        "lines": len(order.lines),
        "synthetic": order.synthetic,
    }


def _confirmed(order: Order) -> dict[str, Any]:
    return {
        "order_id": str(order.id),
        "number": order.number,
        "customer_id": str(order.customer_id),
        "currency": order.currency,
        "total": str(order.total),
        "lines": [
            {
                "line_id": str(line.id),
                "product_id": str(line.product_id),
                "quantity": str(line.quantity),
                "unit_price": str(line.unit_price),
                "total": str(line.total),
            }
            for line in order.lines
        ],
        "synthetic": order.synthetic,
    }
