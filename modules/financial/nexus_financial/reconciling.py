"""Reconciliation: the PSP's settlements are matched to payments; money moves from clearing to bank."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from nexus_kit import Tx, new_id

from . import chart, ledger, periods
from .money import total
from .pix.bank import provider
from .pix.provider import Settlement
from .service import module

BATCH = 500

_START = "INSERT INTO pix_cursor (provider, after) VALUES ($1, 0) ON CONFLICT DO NOTHING"
_CURSOR = "SELECT after FROM pix_cursor WHERE provider = $1 FOR UPDATE SKIP LOCKED"
_ADVANCE = "UPDATE pix_cursor SET after = $2 WHERE provider = $1"
_WAITING = """
SELECT u.end_to_end_id, u.txid, u.amount, u.settled_at
  FROM unmatched_settlements u
  JOIN payments p ON p.company_id = u.company_id AND p.end_to_end_id = u.end_to_end_id AND p.amount = u.amount
 ORDER BY u.created_at LIMIT $1
"""
_COMPANIES = "SELECT txid, company_id FROM charges WHERE txid = ANY($1::text[])"
_MATCH = """
WITH matched AS (
    UPDATE payments p SET reconciled_at = now(), reconciliation_id = $2
      FROM unnest($3::text[], $4::numeric[]) AS s (end_to_end_id, amount)
     WHERE p.company_id = $1 AND p.end_to_end_id = s.end_to_end_id AND p.amount = s.amount
       AND p.reconciled_at IS NULL
    RETURNING p.id, p.end_to_end_id, p.invoice_id, p.order_id, p.amount),
batch AS (
    INSERT INTO reconciliations (id, company_id, payments, total)
    SELECT $2, $1, count(*), sum(amount) FROM matched HAVING count(*) > 0)
SELECT m.*, i.order_number, i.trace FROM matched m LEFT JOIN invoices i ON i.id = m.invoice_id
"""
_KNOWN = """
SELECT end_to_end_id FROM payments
 WHERE company_id = $1 AND end_to_end_id = ANY($2::text[]) AND reconciled_at IS NOT NULL
"""
_KEEP = """
INSERT INTO unmatched_settlements (end_to_end_id, txid, amount, settled_at, company_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::numeric[], $4::timestamptz[], $5::uuid[])
ON CONFLICT (end_to_end_id) DO NOTHING
"""
_NOTICE = """
INSERT INTO pix_notices (txid) SELECT DISTINCT * FROM unnest($1::text[]) ON CONFLICT (txid) DO NOTHING
"""
_FORGET = "DELETE FROM unmatched_settlements WHERE end_to_end_id = ANY($1::text[])"

reconciled_total = module.counter("financial_reconciled_payments_total", "Payments matched to a settlement")


@module.worker(every=1.0)
async def reconcile() -> None:
    """Read the settlements after the cursor, together with those whose payment came since, and match them.

    The cursor's row lock lets one instance at a time do it; cursor, matches and entries commit together.
    """
    more = True
    while more:
        async with module.db.system() as tx:
            after = await tx.fetchval(_CURSOR, provider.name)
            if after is None:
                await tx.execute(_START, provider.name)
                return
            fresh = await provider.settlements(after, BATCH)
            waiting = [Settlement(0, *row) for row in await tx.fetch(_WAITING, BATCH)]
            if not fresh and not waiting:
                return
            await match(tx, [*waiting, *fresh])
            if fresh:
                await tx.execute(_ADVANCE, provider.name, fresh[-1].cursor)
            more = len(fresh) == BATCH


async def match(tx: Tx, settlements: Sequence[Settlement]) -> None:
    """Match the settlements company by company; keep the unmatched and have the PSP asked about their
    charges.
    """
    rows = await tx.fetch(_COMPANIES, [settlement.txid for settlement in settlements])
    company = {row["txid"]: row["company_id"] for row in rows}
    by_company: dict[UUID, list[Settlement]] = defaultdict(list)
    for settlement in settlements:
        if settlement.txid in company:
            by_company[company[settlement.txid]].append(settlement)
    matched: set[str] = set()
    for company_id in sorted(by_company):
        matched |= await _match_company(tx, company_id, by_company[company_id])
    await tx.execute(
        _FORGET, [s.end_to_end_id for s in settlements if s.cursor == 0 and s.end_to_end_id in matched]
    )
    unmatched = [s for s in settlements if s.end_to_end_id not in matched]
    if unmatched:
        await _keep(tx, unmatched, company)


async def _match_company(tx: Tx, company_id: UUID, settlements: Sequence[Settlement]) -> set[str]:
    """Reconcile one company's payments with one entry; returns the end-to-end ids that are settled now."""
    batch = new_id()
    ids = [settlement.end_to_end_id for settlement in settlements]
    rows = await tx.fetch(_MATCH, company_id, batch, ids, [settlement.amount for settlement in settlements])
    if rows:
        await _post(tx, company_id, batch, rows)
    if len(rows) == len(ids):
        return set(ids)
    known = await tx.fetch(_KNOWN, company_id, ids)
    return {row["end_to_end_id"] for row in known}


async def _post(tx: Tx, company_id: UUID, batch: UUID, payments: Sequence[Any]) -> None:
    account = await chart.roles(tx, company_id)
    where = await periods.open_posting(tx, company_id)
    entry = ledger.transfer(
        "settlement",
        batch,
        f"PIX settled, {len(payments)} payments",
        total(payment["amount"] for payment in payments),
        debit=account["bank"],
        credit=account["pix_clearing"],
    )
    await ledger.post(tx, company_id, where, [entry])
    for payment in payments:
        if payment["invoice_id"] is not None:
            data = {
                "order_id": str(payment["order_id"]),
                "invoice_id": str(payment["invoice_id"]),
                "payment_id": str(payment["id"]),
            }
            noted = {**data, "order_number": payment["order_number"], "amount": str(payment["amount"])}
            await tx.publish(
                "payment.reconciled",
                payment["id"],
                data,
                company_id=company_id,
                trace=payment["trace"],
                noted=noted,
            )
    tx.after_commit(lambda: reconciled_total.inc(len(payments)))


async def _keep(tx: Tx, unmatched: Sequence[Settlement], company: dict[str, UUID]) -> None:
    """Remember settlements without a payment; a charge of ours among them lost its webhook: ask about it."""
    await tx.execute(
        _KEEP,
        [settlement.end_to_end_id for settlement in unmatched],
        [settlement.txid for settlement in unmatched],
        [settlement.amount for settlement in unmatched],
        [settlement.settled_at for settlement in unmatched],
        [company.get(settlement.txid) for settlement in unmatched],
    )
    ours = [settlement.txid for settlement in unmatched if settlement.txid in company]
    if ours:
        await tx.execute(_NOTICE, ours)
        tx.after_commit(lambda: module.wake("answer_notices"))
