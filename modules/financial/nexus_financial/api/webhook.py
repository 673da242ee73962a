"""/api/financial/pix/webhook: the PSP's word that something happened. Only a reason to ask the PSP itself."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Request, Response
from nexus_kit import Tx, problem, public, tracing
from nexus_kit.problems import MEDIA_TYPE
from nexus_kit.tx import to_bytes
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..pix.signature import HEADER, genuine
from ..service import module, settings

router = APIRouter(prefix="/api/financial/pix", tags=["pix"])

# A notice that comes again while the first is being answered must not be forgotten with it: its time is new.
_NOTE = """
INSERT INTO pix_notices (txid) SELECT DISTINCT txid FROM unnest($1::text[]) AS n (txid) ORDER BY txid
ON CONFLICT (txid) DO UPDATE SET received_at = EXCLUDED.received_at
"""

_ORDERS = """
SELECT c.txid, c.order_id, c.invoice_id, i.order_number, i.trace
  FROM charges c JOIN invoices i ON i.id = c.invoice_id WHERE c.txid = ANY($1::text[])
"""

notices_total = module.counter("financial_webhook_notices_total", "Charges PIX webhooks spoke of")
refused_total = module.counter(
    "financial_webhooks_refused_total", "Webhooks with a signature that is not the PSP's"
)


class Transfer(BaseModel):
    """One transfer of a webhook; only the txid is used, amounts are read from the PSP."""

    model_config = ConfigDict(extra="ignore")
    txid: Annotated[str, Field(pattern="^[A-Za-z0-9]{26,35}$")]


class Webhook(BaseModel):
    """A webhook's body as the Central Bank's PIX API has it."""

    model_config = ConfigDict(extra="ignore")
    pix: Annotated[list[Transfer], Field(min_length=1, max_length=1000)]


class Accepted(BaseModel):
    """How many charges the webhook spoke of."""

    received: int


_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_PIX = {"type": "array", "minItems": 1, "maxItems": 1000, "items": Transfer.model_json_schema()}
_SCHEMA = {"type": "object", "required": ["pix"], "properties": {"pix": _PIX}}
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}}}}


@router.post(
    "/webhook",
    responses={
        401: {"description": "The signature is not the PSP's.", "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
    },
    status_code=202,
    response_model=Accepted,
    dependencies=[Depends(public)],
    openapi_extra=_BODY,
)
async def webhook(
    request: Request, signature: Annotated[str | None, Header(alias=HEADER, max_length=128)] = None
) -> Response:
    """Note the charges a genuine webhook speaks of and answer at once; a worker asks the PSP about them."""
    body = await request.body()
    if not genuine(body, signature, settings.webhook_secret):
        refused_total.inc()
        raise problem(401, "signature-invalid", f"{HEADER} is not the PSP's signature of this body.")
    try:
        notice = Webhook.model_validate(orjson.loads(body))
    except (orjson.JSONDecodeError, ValidationError):
        raise problem(422, "webhook-malformed", 'The body must be {"pix": [{"txid": ...}, ...]}.') from None
    txids = sorted({transfer.txid for transfer in notice.pix})
    async with module.db.system() as tx:
        await tx.execute(_NOTE, txids)
        await _show(tx, txids)
        tx.after_commit(lambda: module.wake("answer_notices"))
    notices_total.inc(len(txids))
    return Response(to_bytes({"received": len(txids)}), 202, media_type="application/json")


async def _show(tx: Tx, txids: list[str]) -> None:
    """Let each order's trace show that the PSP spoke of its charge."""
    for row in await tx.fetch(_ORDERS, txids):
        ids = {"order_id": str(row["order_id"]), "invoice_id": str(row["invoice_id"])}
        with tracing.continuing(row["trace"], "hear of payment", **ids, order_number=row["order_number"]):
            continue
