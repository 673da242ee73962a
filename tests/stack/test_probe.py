"""The ERP's own probe through the edge of a real stack: it works, and leaves stock and books as they were."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import asyncpg
import pytest

from nexus.business.probing import Run, run_probe
from nexus.stack import load_stack
from nexus.testing import CHECKOUT, ThrowawayStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

SETTLED = 1.5  # seconds in which PostgreSQL counts what an idle session has changed
UNTOUCHED = """
SELECT schemaname || '.' || relname AS name, n_tup_ins + n_tup_upd + n_tup_del AS changes
FROM pg_stat_user_tables
WHERE schemaname IN ('inventory', 'financial', 'crm')
  AND relname NOT IN ('inbox', 'outbox', 'event_cursor', 'idempotency', 'pix_cursor')
"""
LEFT = """
SELECT (SELECT array_agg(DISTINCT (state, shipment_state)::text) FROM sales.orders WHERE of_probe) AS orders,
       (SELECT count(*) FROM auth.sessions WHERE synthetic AND revoked_at IS NULL) AS sessions
"""
PEOPLES = """
SELECT (SELECT count(*) FROM sales.orders WHERE NOT of_probe) AS orders,
       (SELECT count(*) FROM auth.login_attempts WHERE NOT synthetic) AS sign_ins
"""


async def _probe(stack: ThrowawayStack, address: str) -> Run:
    probe = load_stack(CHECKOUT).probes["order-to-cash"]
    secrets = {name: (stack.home / "secrets" / file).read_text() for name, file in probe.secrets.items()}
    return await run_probe(probe, address, secrets)


async def _changes(connection: asyncpg.Connection) -> Mapping[str, int]:
    """What was written so far, once what others did before has come to rest."""
    seen: list[Mapping[str, int]] = []
    while len(seen) < 2 or seen[-1] != seen[-2]:
        await asyncio.sleep(SETTLED)
        seen.append({row["name"]: row["changes"] for row in await connection.fetch(UNTOUCHED)})
    return seen[-1]


async def _runs(stack: ThrowawayStack) -> None:
    address = stack.address("nginx")
    connection = await asyncpg.connect(stack.admin_dsn())
    try:
        before, people = await _changes(connection), await connection.fetchrow(PEOPLES)
        for _ in range(2):
            run = await _probe(stack, address)
            assert run.failed is None, run.failed
            assert [step.step.name for step in run.steps][-2:] == ["cancel", "log out"]
        assert await _changes(connection) == before
        assert len(before) > 20
        assert await connection.fetchrow(PEOPLES) == people
        assert tuple(await connection.fetchrow(LEFT)) == (["(cancelled,none)"], 0)
    finally:
        await connection.close()


def test_the_probe_orders_as_a_user_would_and_leaves_stock_and_books_as_they_were(
    erp: ThrowawayStack,
) -> None:
    asyncio.run(_runs(erp))
    assert json.loads(erp.nexus("check", "--json"))["ok"]
