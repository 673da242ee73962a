"""How long a service does not answer while something is done to it: asked every few milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

EVERY = 0.01


class Gap:
    """The longest time between two answers, in seconds; 0 while none was missed."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._answered = time.monotonic()

    def note(self, answered: bool) -> None:
        """One question was answered, or was not."""
        now = time.monotonic()
        if answered:
            self._answered = now
        else:
            self.seconds = max(self.seconds, now - self._answered)


@contextlib.asynccontextmanager
async def measured(ask: Callable[[], Awaitable[bool]]) -> AsyncIterator[Gap]:
    """Asks all the while, and until it is answered again."""
    gap, over = Gap(), asyncio.Event()

    async def go_on() -> None:
        answered = False
        while not (over.is_set() and answered):
            answered = await ask()
            if answered and gap.seconds:
                gap.note(False)  # the answer ends the time without one
            gap.note(answered)
            await asyncio.sleep(EVERY)

    asking = asyncio.create_task(go_on(), name="gap")
    try:
        yield gap
        over.set()
        await asking
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
