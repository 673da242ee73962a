"""Workers between the books and the PSP: register and withdraw charges, expire what nobody paid.

Every instance runs them: rows are locked in the order of their txid and change state once,
       whoever comes first.
"""

from nexus_kit import Tx

from ..pacing import Pace
from ..service import module, settings
from .asking import ask
from .bank import provider
from .provider import NewCharge

pace = Pace(0.15)
BATCH = 500

_TO_TELL = """
SELECT c.txid, c.state, c.amount, c.expires_at, coalesce(p.name, 'Nexus') AS payee
  FROM charges c LEFT JOIN companies p ON p.company_id = c.company_id
 WHERE c.state IN ('requested', 'cancelling') ORDER BY c.created_at LIMIT $1
"""
_LOCK = "SELECT 1 FROM charges WHERE txid = ANY($1::text[]) ORDER BY txid FOR UPDATE"
_TOLD = """
WITH registered AS (
    UPDATE charges c SET state = 'active', copy_paste = r.copy_paste
      FROM unnest($1::text[], $2::text[]) AS r (txid, copy_paste)
             WHERE c.txid = r.txid AND c.state = 'requested')
UPDATE charges SET state = 'cancelled' WHERE txid = ANY($3::text[]) AND state = 'cancelling'
"""
_LATE = "SELECT txid FROM charges WHERE state = 'active' AND expires_at <= now() ORDER BY expires_at LIMIT $1"
_EXPIRE = """
WITH expired AS (
    UPDATE charges SET state = 'expired' WHERE txid = ANY($1::text[]) AND state = 'active'
    RETURNING txid, company_id, invoice_id, order_id, amount)
SELECT e.*, i.order_number, i.trace FROM expired e JOIN invoices i ON i.id = e.invoice_id
"""
_SILENT = """
UPDATE charges SET polled_at = now() WHERE txid IN (
    SELECT txid FROM charges
     WHERE state = 'active'
       AND coalesce(polled_at, created_at) < now() - greatest($1 * interval '1 second',
              (now() - created_at) / 4)
     ORDER BY coalesce(polled_at, created_at) LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING txid
"""

expired_total = module.counter("financial_expired_charges_total", "PIX charges nobody paid in time")


@module.worker(every=1.0)
async def tell_psp() -> None:
    """Register new charges with the PSP and withdraw those of reversed invoices, a batch at a time."""
    await pace.turn()
    while True:
        async with module.db.system() as tx:
            rows = await tx.fetch(_TO_TELL, BATCH)
        if not rows:
            return
        new = [
            NewCharge(r["txid"], r["amount"], r["expires_at"], r["payee"])
            for r in rows
            if r["state"] == "requested"
        ]
        gone = [row["txid"] for row in rows if row["state"] == "cancelling"]
        registered = await provider.create_charges(new) if new else []
        if gone:
            await provider.cancel_charges(gone)
        async with module.db.system() as tx:
            await tx.execute(_LOCK, [row["txid"] for row in rows])
            await tx.execute(_TOLD, [r.txid for r in registered], [r.copy_paste for r in registered], gone)
        if len(rows) < BATCH:
            return


@module.worker(every=2.0)
async def expire_charges() -> None:
    """Withdraw overdue charges, then ask what became of them: paid ones are received, the others expire."""
    while True:
        async with module.db.system(read_only=True) as tx:
            txids = [row["txid"] for row in await tx.fetch(_LATE, BATCH)]
        if not txids:
            return
        await provider.cancel_charges(txids)
        await ask(txids)
        async with module.db.system() as tx:
            await expire(tx, txids)


async def expire(tx: Tx, txids: list[str]) -> None:
    """Mark the charges that are still unpaid as expired and announce payment.expired for each."""
    await tx.execute(_LOCK, txids)
    rows = await tx.fetch(_EXPIRE, txids)
    for row in rows:
        ids = {"order_id": str(row["order_id"]), "invoice_id": str(row["invoice_id"])}
        await tx.publish(
            "payment.expired",
            row["invoice_id"],
            {**ids, "txid": row["txid"]},
            company_id=row["company_id"],
            trace=row["trace"],
            noted={**ids, "order_number": row["order_number"], "amount": str(row["amount"])},
        )
    tx.after_commit(lambda: expired_total.inc(len(rows)))


@module.worker(every=settings.sweep_seconds)
async def sweep_charges() -> None:
    """Ask about charges no webhook spoke of: every sweep while young, ever more rarely as they age."""
    while True:
        async with module.db.system() as tx:
            txids = [row["txid"] for row in await tx.fetch(_SILENT, settings.sweep_seconds, BATCH)]
        if not txids:
            return
        await ask(txids)
