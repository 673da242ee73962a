"""Work that is cut short when its operator asks to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from nexus.plans import StepStopped

T = TypeVar("T")


async def until_stopped(work: Coroutine[Any, Any, T], stop: asyncio.Event, left: str) -> T:
    """The result of `work`, or its error. When `stop` is set it is cancelled; `left` says what is left then.

    Raises:
        StepStopped: it was stopped.
    """
    running, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
            if running.cancelled():
                raise StepStopped(left)
            if (error := running.exception()) is not None:  # what it says of its own end
                raise StepStopped(left) from error
        return running.result()
    finally:
        stopped.cancel()
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
