"""How long a service does not answer while something is done to it, measured from this machine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable

from nexus.runtimes.site import LOOPBACK

EVERY = 0.02  # seconds
PATIENCE = 1.0


async def measured(port: int, question: bytes, work: Awaitable[None]) -> float:
    """Awaits `work`, asking `question` on a port of this machine meanwhile; returns the longest time, in
    seconds, from one answer to the next, less what an answer takes anyway.
    """
    over = asyncio.Event()
    asking = asyncio.create_task(_ask_until(over, port, question))
    try:
        await work
    finally:
        over.set()
        gap = await asking
    return gap


async def _ask_until(over: asyncio.Event, port: int, question: bytes) -> float:
    """Goes on until an answer has come after `over`, for a while at most."""
    longest, last, give_up = 0.0, time.monotonic(), float("inf")
    while True:
        ended = over.is_set()
        if await _answers(port, question):
            now = time.monotonic()
            longest, last = max(longest, now - last), now
            if ended:
                break
        elif ended:
            give_up = min(give_up, time.monotonic() + PATIENCE)
            if time.monotonic() > give_up:
                return max(longest, time.monotonic() - last)
        await asyncio.sleep(EVERY)
    return max(0.0, longest - EVERY)


async def _answers(port: int, question: bytes) -> bool:
    """Whether anything comes back; a proxy before a service that is away ends the connection in silence."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(question)
                return bool(await reader.read(64))
            finally:
                writer.close()
    return False
