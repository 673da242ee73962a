"""The real process answers whatever its OpenAPI document allows, and much that it does not, as documented."""

import asyncio
from typing import Any

from nexus_kit.testing.contract import bombard


async def test_no_request_breaks_the_module_or_its_contract(firm: Any) -> None:
    assert (await asyncio.to_thread(bombard, firm.module.url, firm.headers)).total() > 100
