"""A PSP inside the house: its own books (psp_* tables), its own settlement runs, its own webhooks.

It knows charges and transfers only, never invoices or companies, and is reached like any other provider.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nexus_kit import Module, Tx

from .brcode import br_code
from .provider import ChargeStatus, NewCharge, Pix, Registered, Settlement

ISPB = "00000000"  # eight digits that name the paying bank in an end-to-end id

_CREATE = """
WITH new AS (
    INSERT INTO psp_charges (txid, amount, expires_at, copy_paste)
    SELECT * FROM unnest($1::text[], $2::numeric[], $3::timestamptz[], $4::text[])
    ON CONFLICT (txid) DO NOTHING RETURNING txid, copy_paste)
SELECT txid, copy_paste FROM new
UNION
SELECT txid, copy_paste FROM psp_charges WHERE txid = ANY($1::text[])
"""
_CANCEL = """
UPDATE psp_charges c SET removed_at = now()
 WHERE c.txid = ANY($1::text[]) AND c.removed_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM psp_pix p WHERE p.txid = c.txid)
"""
_FETCH = """
SELECT c.txid, c.expires_at, c.removed_at, p.end_to_end_id, p.amount, p.paid_at
  FROM psp_charges c LEFT JOIN psp_pix p ON p.txid = c.txid WHERE c.txid = ANY($1::text[])
"""
_PAY = """
WITH asked AS (
    SELECT c.txid, c.amount, e.end_to_end_id, e.anyway,
           CASE WHEN c.removed_at IS NOT NULL THEN 'removed'
                  WHEN c.expires_at <= now() THEN 'expired' END AS refusal
      FROM unnest($1::text[], $2::text[], $3::boolean[]) AS e (txid, end_to_end_id, anyway)
      JOIN psp_charges c ON c.txid = e.txid
     ORDER BY c.txid),
paid AS (
    INSERT INTO psp_pix (end_to_end_id, txid, amount)
    SELECT end_to_end_id, txid, amount FROM asked WHERE refusal IS NULL OR anyway
    ON CONFLICT (txid) DO NOTHING RETURNING txid, end_to_end_id)
SELECT a.txid, a.refusal, a.amount, p.end_to_end_id AS paid_now
  FROM asked a LEFT JOIN paid p ON p.txid = a.txid
"""
_ONE_RUN = "SELECT pg_try_advisory_xact_lock(hashtextextended('psp settlement run', 0))"
_SETTLE = """
WITH due AS (
    SELECT end_to_end_id, row_number() OVER (ORDER BY paid_at, end_to_end_id) AS turn
      FROM (SELECT end_to_end_id, paid_at FROM psp_pix
             WHERE settlement IS NULL AND paid_at < now() - interval '200 ms' ORDER BY paid_at LIMIT 1000) d)
UPDATE psp_pix p SET settled_at = now(), settlement = due.turn + (SELECT coalesce(max(settlement), 0)
       FROM psp_pix)
  FROM due WHERE p.end_to_end_id = due.end_to_end_id
"""
_SETTLEMENTS = """
SELECT settlement, end_to_end_id, txid, amount, settled_at FROM psp_pix
 WHERE settlement > $1 ORDER BY settlement LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class PayRequest:
    """A payer's order. `anyway` pays a charge that is expired or withdrawn, as some banks let through."""

    txid: str
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class PayAnswer:
    """What became of it: paid, already paid, expired, removed or unknown."""

    txid: str
    state: str
    end_to_end_id: str | None = None
    amount: str | None = None


def end_to_end_id(at: datetime) -> str:
    """A new end-to-end id as the Central Bank writes it: E, bank, minute, eleven characters."""
    return f"E{ISPB}{at:%Y%m%d%H%M}{secrets.token_hex(6)[:11]}"


def _status(row: Any, now: datetime) -> ChargeStatus:
    if row["end_to_end_id"] is not None:
        pix = Pix(row["end_to_end_id"], row["amount"], row["paid_at"])
        return ChargeStatus(row["txid"], "paid", (pix,))
    if row["removed_at"] is not None:
        return ChargeStatus(row["txid"], "removed", ())
    return ChargeStatus(row["txid"], "expired" if row["expires_at"] <= now else "active", ())


class Simulator:
    """The PSP as the books see it (PixProvider), and as the payer sees it (`pay`)."""

    name = "simulator"

    def __init__(self, module: Module, city: str) -> None:
        self._db = module.db
        self._city = city

    async def create_charges(self, batch: Sequence[NewCharge]) -> list[Registered]:
        """See PixProvider."""
        codes = [br_code(f"pix.example.com/v2/{c.txid}", c.amount, c.payee, self._city) for c in batch]
        async with self._db.system() as tx:
            rows = await tx.fetch(
                _CREATE,
                [charge.txid for charge in batch],
                [charge.amount for charge in batch],
                [charge.expires_at for charge in batch],
                codes,
            )
        return [Registered(row["txid"], row["copy_paste"]) for row in rows]

    async def cancel_charges(self, txids: Sequence[str]) -> None:
        """See PixProvider."""
        async with self._db.system() as tx:
            await tx.execute(_CANCEL, list(txids))

    async def fetch(self, txids: Sequence[str]) -> list[ChargeStatus]:
        """See PixProvider."""
        now = datetime.now(UTC)
        async with self._db.system() as tx:
            return [_status(row, now) for row in await tx.fetch(_FETCH, list(txids))]

    async def settlements(self, after: int, limit: int = 500) -> list[Settlement]:
        """See PixProvider."""
        async with self._db.system() as tx:
            rows = await tx.fetch(_SETTLEMENTS, after, limit)
        return [Settlement(*row) for row in rows]

    async def pay(self, tx: Tx, requests: Sequence[PayRequest]) -> list[PayAnswer]:
        """Pay the charges, all in one statement; each charge is paid once, however often it is asked."""
        now = datetime.now(UTC)
        unique = {request.txid: request for request in requests}
        ids = [end_to_end_id(now) for _ in unique]
        rows = await tx.fetch(_PAY, list(unique), ids, [request.anyway for request in unique.values()])
        known = {row["txid"]: row for row in rows}
        return [_answer(request, known.get(request.txid)) for request in requests]

    async def settle(self) -> bool:
        """Settle what was paid, one run at a time. True when anything was."""
        async with self._db.system() as tx:
            if not await tx.fetchval(_ONE_RUN):
                return False
            return bool(await tx.execute(_SETTLE) != "UPDATE 0")


def _answer(request: PayRequest, row: Any) -> PayAnswer:
    if row is None:
        return PayAnswer(request.txid, "unknown")
    if row["paid_now"] is not None:
        return PayAnswer(request.txid, "paid", row["paid_now"], str(row["amount"]))
    if row["refusal"] is not None and not request.anyway:
        return PayAnswer(request.txid, row["refusal"])
    return PayAnswer(request.txid, "already paid")
