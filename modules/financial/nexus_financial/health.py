"""The module's own question to itself: is any money stuck?"""

from nexus_kit import BusinessHealth, Tx

from .service import module

_NUMBERS = """
SELECT (SELECT count(*) FROM (
            SELECT 1 FROM entries e JOIN entry_lines l ON l.entry_id = e.id
             WHERE e.id >= uuidv7(interval '-10 minutes') AND e.state = 'posted'
             GROUP BY e.id HAVING sum(l.debit) <> sum(l.credit)) u) AS unbalanced_entries,
       (SELECT count(*) FROM orders
         WHERE invoice_id IS NULL AND shipped_at IS NOT NULL AND cancelled_at IS NULL
           AND shipped_at < now() - interval '60 seconds') AS shipped_not_invoiced,
       (SELECT count(*) FROM pix_notices WHERE received_at < now() - interval '60 seconds')
              AS webhooks_unprocessed,
       (SELECT count(*) FROM charges
         WHERE state IN ('requested', 'cancelling')
                AND created_at < now() - interval '60 seconds') AS charges_untold,
       (SELECT count(*) FROM payments
         WHERE reconciled_at IS NULL AND created_at < now() - interval '5 minutes') AS payments_unreconciled,
       (SELECT count(*) FROM unmatched_settlements
         WHERE created_at < now() - interval '5 minutes') AS settlements_unmatched,
       (SELECT count(*) FROM refunds WHERE state = 'payable') AS refunds_payable,
       (SELECT count(*) FROM closes WHERE state = 'running') AS closes_running
"""


@module.business
async def business(tx: Tx) -> BusinessHealth:
    """Entries out of balance (last ten minutes; `nexus check` reads all), documents and money that
    wait too long.
    """
    numbers = dict(await tx.fetchrow(_NUMBERS))
    bad = (
        "unbalanced_entries",
        "shipped_not_invoiced",
        "webhooks_unprocessed",
        "charges_untold",
        "payments_unreconciled",
        "settlements_unmatched",
    )
    return BusinessHealth(numbers, bad=bad)
