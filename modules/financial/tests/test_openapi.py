"""The real process answers whatever its OpenAPI document allows, and much that it does not, as documented."""

import asyncio

from nexus_kit.testing.contract import bombard

from .conftest import Books


async def test_no_request_breaks_the_module_or_its_contract(books: Books) -> None:
    await books.paid_order()
    await books.open_invoice()
    assert (await asyncio.to_thread(bombard, books.module.url, books.headers)).total() > 100
