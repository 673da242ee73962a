"""The only way a PIX enters the books: ask the PSP about charges, then apply what it says was received."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from nexus_kit import Tx

from ..pacing import Pace
from ..receiving import Transfer, receive
from ..service import module
from .bank import provider
from .provider import ChargeStatus

pace = Pace(0.15)
BATCH = 500

_NOTICES = "SELECT txid, received_at FROM pix_notices ORDER BY received_at LIMIT $1"
_FORGET = """
DELETE FROM pix_notices WHERE txid IN (
    SELECT n.txid FROM pix_notices n
      JOIN unnest($1::text[], $2::timestamptz[]) AS asked (txid, received_at) USING (txid, received_at)
     ORDER BY n.txid FOR UPDATE OF n)
"""


async def ask(txids: Sequence[str], notices: Sequence[Any] = ()) -> int:
    """Ask the PSP about the charges and receive their transfers; forget the notices (rows) that led here.

    One transaction for all companies; harmless when two instances ask the same. Returns the number of new
    payments.
    """
    statuses = await provider.fetch(txids)
    async with module.db.system() as tx:
        received = 0
        for company_id, transfers in (await _by_company(tx, statuses)).items():
            received += await receive(tx, company_id, transfers)
        if notices:
            await tx.execute(
                _FORGET, [row["txid"] for row in notices], [row["received_at"] for row in notices]
            )
    return received


async def _by_company(tx: Tx, statuses: Sequence[ChargeStatus]) -> dict[UUID, list[Transfer]]:
    paid = [status for status in statuses if status.received]
    rows = await tx.fetch(
        "SELECT txid, company_id FROM charges WHERE txid = ANY($1::text[])", [status.txid for status in paid]
    )
    company = {row["txid"]: row["company_id"] for row in rows}
    transfers: dict[UUID, list[Transfer]] = defaultdict(list)
    for status in paid:
        if status.txid in company:
            transfers[company[status.txid]] += [
                Transfer(status.txid, pix.end_to_end_id, pix.amount, pix.paid_at) for pix in status.received
            ]
    return dict(sorted(transfers.items()))


@module.worker(every=1.0)
async def answer_notices() -> None:
    """Ask about every charge a webhook spoke of, as one batch."""
    await pace.turn()
    while True:
        async with module.db.system(read_only=True) as tx:
            rows = await tx.fetch(_NOTICES, BATCH)
        if not rows:
            return
        await ask([row["txid"] for row in rows], rows)
