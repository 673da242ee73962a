"""Answers are worked out in threads, and only as long as somebody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from aiohttp import web

from nexus.telemetry.store.asker import ASKER, Asker

T = TypeVar("T")

LOOK_EVERY = 0.2  # seconds


class Gone(Exception):
    """The client went away before its answer was worked out."""


def is_gone(request: web.Request) -> bool:
    """Whether nobody reads the answer any more."""
    return request.transport is None or request.transport.is_closing()


async def in_thread(request: web.Request, work: Callable[[], T]) -> T:
    """What `work` returns, worked out in a thread; it is told to stop when the client goes away.

    Raises:
        Gone: it went away.
    """
    asker = Asker()
    before = ASKER.set(asker)
    try:
        task = asyncio.create_task(asyncio.to_thread(work))  # takes this context along
    finally:
        ASKER.reset(before)
    while not task.done():
        await asyncio.wait({task}, timeout=LOOK_EVERY)
        if not task.done() and is_gone(request):
            asker.give_up()
            task.cancel()
            raise Gone
    return task.result()
