"""The module's own question: is the stock true, and is anyone waiting for it?"""

from __future__ import annotations

from nexus_kit import BusinessHealth, Tx

from .service import module

NUMBERS = """
SELECT (SELECT count(*) FROM stock WHERE on_hand < 0)                        AS negative_stock,
       (SELECT count(*) FROM stock WHERE reserved > on_hand OR reserved < 0) AS over_reserved_stock,
       (SELECT count(*) FROM reservations WHERE state = 'active' AND order_id IS NOT NULL
           AND created_at < now() - interval '1 day')                        AS stale_reservations,
       (SELECT count(*) FROM demands WHERE waiting_since IS NOT NULL)        AS waiting_backorders
"""


@module.business
async def business(tx: Tx) -> BusinessHealth:
    """Counts; stock that is negative or promised twice, and promises a day old, must not be."""
    numbers = dict(await tx.fetchrow(NUMBERS))
    return BusinessHealth(numbers, bad=("negative_stock", "over_reserved_stock", "stale_reservations"))
