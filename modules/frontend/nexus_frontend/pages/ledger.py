"""The ledger: journal entries, by hand too, and the trial balance."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.formats import to_decimal
from nexus_frontend.visit import Outcome, SignedIn, Visit

router = APIRouter(prefix="/ledger")
COLUMNS = ("account", "debit", "credit")
KINDS = ("manual", "invoice", "cost", "payment", "settlement", "credit_note", "refund", "reversal", "close")


@router.get("")
async def listing(visit: SignedIn, kind: str = "", state: str = "", cursor: str = "") -> Response:
    """Entries, the newest first."""
    page = await visit.api.get(
        "/api/financial/entries",
        kind=kind if kind in KINDS else None,
        state=state if state in ("draft", "posted") else None,
        cursor=cursor,
        limit=50,
    )
    return visit.render("ledger/list.html", page=page, kind=kind, state=state, kinds=KINDS)


@router.get("/balance")
async def balance(visit: SignedIn, period: str = "") -> Response:
    """What moved on each account in a month."""
    month = period[:7] or f"{visit.fmt.today():%Y-%m}"
    rows = await visit.api.get("/api/financial/trial-balance", period=month)
    totals = {
        side: sum((to_decimal(row[side]) for row in rows), to_decimal(0)) for side in ("debit", "credit")
    }
    return visit.render("ledger/balance.html", rows=rows, month=month, totals=totals)


@router.get("/new")
async def new(visit: SignedIn) -> Response:
    """An empty entry."""
    return await form(visit, Outcome())


@router.post("/new")
async def create(visit: SignedIn) -> Response:
    """Draft an entry, and post it if so wished."""
    if visit.form.text("wish") == "rows":
        return await form(visit, Outcome())
    errors: dict[str, str] = {}
    lines = [read_line(visit, row, n, errors) for n, row in enumerate(visit.form.rows(*COLUMNS))]
    outcome = Outcome(errors=errors, status=422)
    if not errors:
        body = {**visit.form.fields("date", "description"), "lines": lines}
        outcome = await visit.submit("POST", "/api/financial/entries", body)
    if not outcome:
        return await form(visit, outcome)
    entry = outcome.data["id"]
    if visit.form.text("wish") == "post":
        path = f"/api/financial/entries/{entry}/post"
        visit.form.renew_key()
        return await visit.act("POST", path, f"/ledger/{entry}", visit.t("ledger.posted"))
    return visit.go(f"/ledger/{entry}", visit.t("ledger.drafted"))


@router.get("/{entry}")
async def detail(visit: SignedIn, entry: UUID) -> Response:
    """An entry with its lines."""
    data, accounts = await asyncio.gather(
        visit.api.get(f"/api/financial/entries/{entry}"), visit.api.part("/api/financial/accounts")
    )
    return visit.render("ledger/detail.html", entry=data, names=account_names(visit, accounts.items))


@router.post("/{entry}/post")
async def post(visit: SignedIn, entry: UUID) -> Response:
    """Post a draft; from then on it never changes."""
    path = f"/api/financial/entries/{entry}/post"
    return await visit.act("POST", path, f"/ledger/{entry}", visit.t("ledger.posted"))


@router.post("/{entry}/reverse")
async def reverse(visit: SignedIn, entry: UUID) -> Response:
    """Take a posted entry back with a counter-entry."""
    path = f"/api/financial/entries/{entry}/reverse"
    return await visit.act("POST", path, f"/ledger/{entry}", visit.t("ledger.reversed"))


@router.post("/{entry}/delete")
async def delete(visit: SignedIn, entry: UUID) -> Response:
    """Throw a draft away."""
    return await visit.act("DELETE", f"/api/financial/entries/{entry}", "/ledger", visit.t("ledger.deleted"))


async def form(visit: Visit, outcome: Outcome) -> Response:
    """The form of an entry."""
    accounts = await visit.api.get("/api/financial/accounts")
    names = account_names(visit, accounts)
    rows = visit.form.rows(*COLUMNS)
    blank = dict.fromkeys(COLUMNS, "")
    return visit.render(
        "ledger/form.html",
        outcome.status,
        rows=[*rows, *(blank for _ in range(max(1, 2 - len(rows))))],
        blank=blank,
        outcome=outcome,
        accounts=[
            (one["id"], f"{one['code']} {names[one['code']]}")
            for one in accounts
            if one["active"] and not one["control"]
        ],
    )


def account_names(visit: Visit, accounts: list[dict[str, Any]]) -> dict[str, str]:
    """Names of accounts by code, in the person's language."""
    field = "name_en" if visit.language == "en" else "name_pt"
    return {one["code"]: one[field] for one in accounts}


def read_line(visit: Visit, row: dict[str, str], n: int, errors: dict[str, str]) -> dict[str, str]:
    """A row as the API takes it; what cannot be read is noted in errors."""
    line = {"account_id": row["account"]}
    if not row["account"]:
        errors[f"lines.{n}"] = visit.t("ledger.pick_account")
    for side in ("debit", "credit"):
        if not row[side]:
            continue
        amount = visit.read_number(row[side])
        if amount is None or amount <= 0:
            errors[f"lines.{n}"] = visit.t("form.not_a_number")
        else:
            line[side] = str(amount)
    if len(line) != 2:
        errors.setdefault(f"lines.{n}", visit.t("ledger.one_side"))
    return line
