"""How long a service does not answer while something is done to it: asked every few milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator

from nexus.runtimes.probes import Prober
from nexus.runtimes.site import Site
from nexus.stack import Service

EVERY = 0.01
ANSWER_LIMIT = 0.25  # seconds after which a question counts as not answered
AGAIN_LIMIT = 10.0  # seconds that the first answer afterwards may take


class Gap:
    """The longest time between two answers with a question between them that was not answered, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._answered_at = time.monotonic()
        self._missed = False

    def note(self, answered: bool) -> None:
        """One question was answered, or was not."""
        now = time.monotonic()
        if not answered or self._missed:
            self.seconds = max(self.seconds, now - self._answered_at)
        self._missed = not answered
        if answered:
            self._answered_at = now


@contextlib.asynccontextmanager
async def measured(site: Site, service: Service, port: int) -> AsyncIterator[Gap]:
    """Asks a service all the while, and until it answers again.

    In a thread of its own: starting a process holds the control loop up for longer than the gap may be.
    """
    gap, over = Gap(), threading.Event()
    asking = asyncio.create_task(
        asyncio.to_thread(asyncio.run, _ask_on(site, service, port, gap, over)), name="gap"
    )
    try:
        yield gap
    finally:
        over.set()
        await asyncio.shield(asking)


async def _ask_on(site: Site, service: Service, port: int, gap: Gap, over: threading.Event) -> None:
    prober, answered, give_up = Prober(site), False, 0.0
    try:
        while not (over.is_set() and (answered or time.monotonic() > give_up)):
            if not over.is_set():
                give_up = time.monotonic() + AGAIN_LIMIT
            answered = await _answers(prober, service, port)
            gap.note(answered)
            await asyncio.sleep(EVERY)
    finally:
        await prober.close()


async def _answers(prober: Prober, service: Service, port: int) -> bool:
    try:
        async with asyncio.timeout(ANSWER_LIMIT):
            return (await prober.health(service, port)).live
    except TimeoutError:
        return False
