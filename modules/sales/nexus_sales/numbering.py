"""Order numbers, handed out from blocks.

A counter row updated by every order would make all orders of a company wait for one another's commit. So
each instance takes a block of numbers in a transaction of its own. Numbers of orders may have gaps (a restart
drops the rest of a block); invoices, which may not, are numbered by financial.
"""

import asyncio
from collections import defaultdict
from uuid import UUID

from nexus_sales.chassis import module

BLOCK = 50

_TAKE = """
INSERT INTO order_counters AS c (company_id, next_number)
SELECT $1, coalesce(max(number), 0) + 1 + $2 FROM orders WHERE company_id = $1
ON CONFLICT (company_id) DO UPDATE SET next_number = greatest(c.next_number + $2, excluded.next_number)
RETURNING next_number
"""

_blocks: dict[UUID, range] = {}
_locks: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)


async def next_number(company_id: UUID) -> int:
    """The next number of the company in this instance's block."""
    async with _locks[company_id]:
        block = _blocks.get(company_id)
        if not block:
            async with module.db.transaction(company_id) as tx:
                end = await tx.fetchval(_TAKE, company_id, BLOCK)
            block = range(end - BLOCK, end)
        _blocks[company_id] = block[1:]
        return block[0]


def forget(company_id: UUID) -> None:
    """Drop the rest of the block: somebody else used a number of it."""
    _blocks.pop(company_id, None)
