"""Orders: draft or quote, change a draft, find, look at one."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from asyncpg import UniqueViolationError
from fastapi import APIRouter, Depends, Header, Query, Response
from nexus_kit import Page, Paging, Tx, paging, problem, tracing

from nexus_sales import numbering, order_rows, timeline_texts
from nexus_sales.chassis import Idem, Reader, Writer, module
from nexus_sales.drafting import Draft, draft
from nexus_sales.models import NewLine, NewOrder, Order, OrderDetail, OrderPatch, OrderSummary, State
from nexus_sales.order_views import as_order, read_detail, read_lines, read_order

router = APIRouter(prefix="/api/sales/orders", tags=["orders"])

_REPLACE_LINES = """
WITH gone AS (DELETE FROM order_lines WHERE company_id = $1 AND order_id = $2 AND position > $3)
INSERT INTO order_lines AS l (company_id, order_id, position, id, product_id, sku, description, unit,
                              quantity, unit_price, discount_percent, total)
SELECT $1, $2, n.* FROM unnest($4::smallint[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[],
                               $10::numeric[], $11::numeric[], $12::numeric[], $13::numeric[]) AS n
ON CONFLICT (company_id, order_id, position) DO UPDATE
SET id = excluded.id, product_id = excluded.product_id, sku = excluded.sku,
    description = excluded.description, unit = excluded.unit, quantity = excluded.quantity,
    unit_price = excluded.unit_price, discount_percent = excluded.discount_percent, total = excluded.total
"""


@router.get("")
async def list_orders(
    who: Reader,
    pages: Annotated[Paging, Depends(paging)],
    state: State | None = None,
    exception: Annotated[
        bool | None, Query(description="Those that need a person, or those that do not")
    ] = None,
    customer_id: UUID | None = None,
    q: Annotated[
        str, Query(max_length=200, pattern=r"^[^\x00]*$", description="Number, or part of the name")
    ] = "",
    id: Annotated[list[UUID] | None, Query(max_length=200, description="Just these orders")] = None,
) -> Page[OrderSummary]:
    """Orders, the newest first."""
    conditions, args = ["company_id = $1"], [who.company_id]

    def where(condition: str, *values: Any) -> None:
        args.extend(values)
        numbers = [f"${n}" for n in range(len(args) - len(values) + 1, len(args) + 1)]
        conditions.append(condition.format(*numbers))

    if id:
        where("id = ANY({}::uuid[])", id)
    if state:
        where("state = {}", state)
    if exception is not None:
        conditions.append("exception IS NOT NULL" if exception else "exception IS NULL")
    if customer_id:
        where("customer_id = {}", customer_id)
    if (text := q.strip()).isascii() and text.isdigit() and len(text) < 19:
        where("number = {}", int(text))
    elif text:
        where("position(fold({}::text) in fold(customer_name)) > 0", text)
    if pages.after is not None:
        where(
            "(created_at, id) < ({}::timestamptz, {}::uuid)",
            pages.value(0, datetime.fromisoformat),
            pages.value(1, UUID),
        )
    limit = max(pages.limit, len(id or ()))
    sql = (
        f"SELECT {order_rows.SUMMARY} FROM orders WHERE {' AND '.join(conditions)}"
        f" ORDER BY created_at DESC, id DESC LIMIT {limit + 1}"
    )
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(sql, *args)
    return Page[OrderSummary](**Paging(limit, pages.after).page(rows, "created_at", "id"))


@router.post("", status_code=201, response_model=Order)
async def create_order(who: Writer, idem: Idem, new: NewOrder) -> Response:
    """Draft an order, or quote it at once with ``quote: true``.

    A customer or product that sales has not heard of yet is a 422 problem with ``retry: true``.
    """
    number = await numbering.next_number(who.company_id)
    async with module.db.write(who, idem) as tx:
        drafted = await draft(tx, who.company_id, new.customer_id, new.price_list_id, new.lines)
        try:
            row, lines = await order_rows.insert(
                tx, who.company_id, number, new, drafted, who.user_id, who.email
            )
        except UniqueViolationError as error:
            if error.constraint_name != "orders_number":
                raise
            numbering.forget(who.company_id)
            raise problem(
                503, "number-taken", "The order's number was taken: send the order again."
            ) from None
        tracing.note(**order_rows.ids(row), customer_id=str(row["customer_id"]))
        return tx.respond(201, as_order(row, lines))


@router.get("/{order_id}")
async def get_order(
    who: Reader, order_id: UUID, accept_language: Annotated[str | None, Header(max_length=500)] = None
) -> OrderDetail:
    """One order with its lines and timeline; the timeline's texts follow Accept-Language (pt-BR or en)."""
    async with module.db.read(who.company_id) as tx:
        return await read_detail(tx, who.company_id, order_id, timeline_texts.language(accept_language))


@router.patch("/{order_id}", response_model=Order)
async def change_order(who: Writer, idem: Idem, order_id: UUID, patch: OrderPatch) -> Response:
    """Change a draft; with other customer, price list or lines it is priced anew."""
    changes = patch.model_fields_set
    async with module.db.write(who, idem) as tx:
        row = await read_order(tx, who.company_id, order_id, lock=True)
        if row["state"] != "draft":
            raise problem(
                409, "order-not-draft", f"Only a draft can be changed, this order is {row['state']}."
            )
        if changes - {"notes"}:
            drafted = await _redraft(tx, who.company_id, row, patch)
            if drafted.customer_id != row["customer_id"]:
                await order_rows.hold_customer(tx, who.company_id, drafted.customer_id)
            await _store(tx, who.company_id, order_id, drafted)
        if changes:
            await tx.execute(
                """WITH o AS (UPDATE orders SET notes = CASE WHEN $3 THEN $4 ELSE notes END
                              WHERE company_id = $1 AND id = $2)
                   INSERT INTO order_timeline (company_id, order_id, event, actor)
                   VALUES ($1, $2, 'order.changed', $5)""",
                who.company_id,
                order_id,
                "notes" in changes,
                patch.notes,
                who.email,
            )
        row = await read_order(tx, who.company_id, order_id)
        return tx.respond(200, as_order(row, await read_lines(tx, who.company_id, order_id)))


async def _redraft(tx: Tx, company_id: UUID, row: Any, patch: OrderPatch) -> Draft:
    """Price what the draft will be: the patch over what is stored. Stored lines keep their prices."""
    changes = patch.model_fields_set
    if "lines" in changes:
        lines = patch.lines
    else:
        lines = [
            NewLine(
                product_id=line.product_id,
                quantity=line.quantity,
                unit_price=None if "price_list_id" in changes else line.unit_price,
                discount_percent=line.discount_percent,
            )
            for line in await read_lines(tx, company_id, row["id"])
        ]
    customer_id = patch.customer_id if "customer_id" in changes else row["customer_id"]
    price_list_id = patch.price_list_id if "price_list_id" in changes else row["price_list_id"]
    return await draft(tx, company_id, customer_id, price_list_id, lines)


async def _store(tx: Tx, company_id: UUID, order_id: UUID, drafted: Draft) -> None:
    _, columns = order_rows.line_arrays(drafted.lines)
    await tx.execute(_REPLACE_LINES, company_id, order_id, len(drafted.lines), *columns)
    await tx.execute(
        """UPDATE orders
           SET customer_id = $3, customer_name = $4, price_list_id = $5, currency = $6, total = $7
           WHERE company_id = $1 AND id = $2""",
        company_id,
        order_id,
        drafted.customer_id,
        drafted.customer_name,
        drafted.price_list_id,
        drafted.currency,
        drafted.total,
    )
