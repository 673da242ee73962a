"""What the module answers is what the contract in its release says."""

from typing import Any

from nexus_kit.testing.contract import assert_written


async def test_the_openapi_document_is_the_one_in_its_release(books: Any) -> None:
    await assert_written(books.module)
