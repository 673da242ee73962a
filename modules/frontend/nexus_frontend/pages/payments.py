"""Payments, open PIX charges, and what is not reconciled."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.pages.invoices import customer_names
from nexus_frontend.visit import SignedIn

router = APIRouter(prefix="/payments")


@router.get("")
async def listing(visit: SignedIn, cursor: str = "", show: str = "") -> Response:
    """All payments, or those not reconciled."""
    wanted = {"reconciled": "false"} if show == "open" else {}
    page = await visit.api.get("/api/financial/payments", cursor=cursor, limit=50, **wanted)
    names = await customer_names(visit, [one["order_id"] for one in page["items"] if one["order_id"]])
    return visit.render("payments/list.html", page=page, show=show, names=names)


@router.get("/charges")
async def charges(visit: SignedIn, cursor: str = "") -> Response:
    """PIX charges that wait for their payer, the next to expire first."""
    page = await visit.api.get("/api/financial/charges", state="active", cursor=cursor, limit=50)
    names = await customer_names(visit, [one["order_id"] for one in page["items"]])
    return visit.render("payments/charges.html", page=page, names=names)


@router.get("/reconciliation")
async def reconciliation(visit: SignedIn) -> Response:
    """What does not match yet: payments, settlements, refunds owed."""
    data = await visit.api.get("/api/financial/reconciliation")
    return visit.render("payments/reconciliation.html", data=data)


@router.post("/refunds/{refund}")
async def refund(visit: SignedIn, refund: UUID) -> Response:
    """Note that a refund left the bank account."""
    body = visit.form.fields("reference")
    path = f"/api/financial/refunds/{refund}/pay"
    return await visit.act("POST", path, "/payments/reconciliation", visit.t("payments.refunded"), body)
