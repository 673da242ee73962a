"""/api/financial/charges: PIX charges; and the simulator's pay button."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from nexus_kit import Page, Principal, problem, require
from nexus_kit.paging import Paging, decode_cursor
from nexus_kit.tx import to_bytes
from pydantic import BaseModel, Field

from ..batching import Batcher
from ..pacing import Pace
from ..pix.bank import simulator, webhooks
from ..pix.simulator import PayAnswer, PayRequest
from ..service import module
from .models import Charge, ChargeState, Input

router = APIRouter(prefix="/api/financial", tags=["pix"])

_COLUMNS = "txid, invoice_id, order_id, amount, currency, state, copy_paste, expires_at, created_at"
_ACTIVE = f"""
SELECT {_COLUMNS} FROM charges WHERE company_id = $1 AND state = 'active'
   AND ($2::timestamptz IS NULL OR (expires_at, txid) > ($2, $3)) ORDER BY expires_at, txid LIMIT $4
"""
_LIST = f"""
SELECT {_COLUMNS} FROM charges WHERE company_id = $1 AND ($2::text IS NULL OR state = $2)
   AND ($3::text IS NULL OR txid < $3) ORDER BY txid DESC LIMIT $4
"""
_OF_ORDERS = f"""
SELECT {_COLUMNS} FROM charges WHERE txid IN (
       SELECT txid FROM invoices WHERE company_id = $1 AND order_id = ANY($2::uuid[]))
   AND company_id = $1 AND ($3::text IS NULL OR state = $3) ORDER BY txid LIMIT $4
"""
_OWN = """
SELECT c.txid FROM charges c JOIN unnest($1::text[], $2::uuid[]) AS asked (txid, company_id)
       USING (txid, company_id)
 WHERE c.state <> 'requested'
"""

Txid = Annotated[str, Path(pattern="^[A-Za-z0-9]{26,35}$")]


async def charge_paging(
    limit: Annotated[int, Query(ge=1, le=500, description="Items per page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next` of the previous page.")] = None,
) -> Paging:
    """Charges are listed in longer pages than other things."""
    return Paging(limit, decode_cursor(cursor) if cursor else None)


@router.get("/charges", response_model=Page[Charge])
async def list_charges(
    who: Annotated[Principal, Depends(require("financial.payment.read"))],
    page: Annotated[Paging, Depends(charge_paging)],
    state: ChargeState | None = None,
    order_id: Annotated[list[UUID] | None, Query(max_length=200)] = None,
) -> Response:
    """Charges: the active ones by expiry, others newest first; with `order_id` (repeatable) those of
    the orders.
    """
    async with module.db.read(who.company_id) as tx:
        if order_id:
            rows = await tx.fetch(_OF_ORDERS, who.company_id, order_id, state, page.limit)
            found = {"items": [dict(row) for row in rows], "next": None}
        elif state == "active":
            after = (page.value(0, datetime.fromisoformat), page.value(1, str))
            rows = await tx.fetch(_ACTIVE, who.company_id, *after, page.limit + 1)
            found = page.page(rows, "expires_at", "txid")
        else:
            rows = await tx.fetch(_LIST, who.company_id, state, page.value(0, str), page.limit + 1)
            found = page.page(rows, "txid")
    return Response(to_bytes(found), media_type="application/json")


class Pay(Input):
    """How the simulated payer and PSP behave."""

    duplicates: Annotated[int, Field(ge=0, le=50, description="Webhooks sent at once beside the first.")] = 0
    delay_ms: Annotated[int, Field(ge=0, le=86_400_000, description="How late the webhook is, ms.")] = 0
    anyway: Annotated[bool, Field(description="Pay although the charge is expired or withdrawn.")] = False


class PayResult(BaseModel):
    """What the PSP says; a charge that was paid before stays paid once."""

    txid: str
    state: str


@dataclass(frozen=True, slots=True)
class Order:
    """A payer's order and the company in whose name it was given."""

    company_id: UUID
    request: PayRequest


async def _pay(orders: Sequence[Order]) -> list[PayAnswer]:
    """Pay the charges that belong to the asking company; the others are unknown to it."""
    async with module.db.system() as tx:
        rows = await tx.fetch(_OWN, [o.request.txid for o in orders], [o.company_id for o in orders])
        own = {row["txid"] for row in rows}
        answers = iter(await simulator.pay(tx, [o.request for o in orders if o.request.txid in own]))
    return [next(answers) if o.request.txid in own else PayAnswer(o.request.txid, "unknown") for o in orders]


pay_desk: Batcher[Order, PayAnswer] = Batcher(_pay, Pace(0.1))


@router.post("/pix/simulator/charges/{txid}/pay", status_code=202, response_model=PayResult)
async def pay_charge(
    txid: Txid, who: Annotated[Principal, Depends(require("financial.pix.simulate"))], body: Pay | None = None
) -> Response:
    """Pay a charge as a customer would. Naturally idempotent: a charge is paid once."""
    how = body or Pay()
    answer = await pay_desk(Order(who.company_id, PayRequest(txid, how.anyway)))
    if answer.state == "unknown":
        raise problem(404, "charge-not-found", "The PSP has no such charge (yet).")
    if answer.state in ("expired", "removed"):
        raise problem(
            409, f"charge-{answer.state}", f"The charge is {answer.state}; the payer's bank refuses it."
        )
    if answer.end_to_end_id is not None:
        notice = {"txid": txid, "endToEndId": answer.end_to_end_id, "valor": str(answer.amount)}
        webhooks.report(notice, 1 + how.duplicates, how.delay_ms / 1000)
        module.wake("psp_webhooks")
    return Response(to_bytes({"txid": txid, "state": "paid"}), 202, media_type="application/json")
