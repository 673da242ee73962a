"""How long a service does not answer while something is done to it, measured from this machine."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable

from nexus.runtimes.site import LOOPBACK

EVERY = 0.02  # seconds
AFTERWARDS = 1.0  # how long an answer is waited for when the work is done
PATIENCE = 0.25  # for one answer: who waits for longer on a service that begins sees it too late
AWAY = re.compile(rb"HTTP/1\.[01] 50[234] ")


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
            give_up = min(give_up, time.monotonic() + AFTERWARDS)
            if time.monotonic() > give_up:
                return max(longest, time.monotonic() - last)
        await asyncio.sleep(EVERY)
    return max(0.0, longest - EVERY)


async def _answers(port: int, question: bytes) -> bool:
    """Whether an answer comes back that is the service's own, and not its proxy's for want of it."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(question)
                answer = await reader.read(64)
                return bool(answer) and not AWAY.match(answer)
            finally:
                writer.close()
    return False
