"""The real process answers whatever its OpenAPI document allows, and much that it does not, as documented."""

import asyncio
from typing import Any

from nexus_kit.testing.contract import bombard


async def test_no_request_breaks_the_module_or_its_contract(store: Any) -> None:
    for _ in range(3):
        await store.product(10)
    headers = store.module.headers(["*"], company_id=store.company_id)
    assert (await asyncio.to_thread(bombard, store.module.url, headers)).total() > 100
    await store.check()
