"""Server-sent events that end as they should when the module leaves; clients come again, to another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from nexus_kit.module import Module


class EventStream(StreamingResponse):
    """An answer of ``events`` (each a text that ends with an empty line) until they or the module's life end.

    A stream that were cut instead would look like a fault to the client, and hold up the module's end.
    """

    media_type = "text/event-stream"

    def __init__(self, module: Module, events: AsyncGenerator[str, None]) -> None:
        super().__init__(until(events, module.leaving), headers={"cache-control": "no-store"})


async def until(events: AsyncGenerator[str, None], leaving: asyncio.Event) -> AsyncIterator[str]:
    """Yield events until there are no more, or ``leaving`` is set; then the generator is closed."""
    async with aclosing(events):
        left = asyncio.ensure_future(leaving.wait())
        try:
            while not left.done():
                coming = asyncio.ensure_future(anext(events, None))
                await asyncio.wait({coming, left}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    await asyncio.gather(coming, return_exceptions=True)
                    return
                event = coming.result()
                if event is None:
                    return
                yield event
        finally:
            left.cancel()
