"""Work in an event loop of its own thread: what takes the processor for seconds, such as reading 50 MB of
SQL, leaves the control loop free to keep the stack.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of the coroutine that `work` makes, or its error. Cancelled, it cancels the coroutine and
    waits until that has ended: whoever opened a connection closes it.
    """
    here = asyncio.get_running_loop()
    begun: asyncio.Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = here.create_future()

    async def run() -> T:
        task = asyncio.current_task()
        assert task is not None
        here.call_soon_threadsafe(begun.set_result, (asyncio.get_running_loop(), task))
        return await work()

    pool = ThreadPoolExecutor(1, "migrating")
    ended = here.run_in_executor(pool, lambda: asyncio.run(run()))
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        if not ended.done():
            loop, task = await begun
            with contextlib.suppress(RuntimeError):  # it has just ended by itself, and its loop with it
                loop.call_soon_threadsafe(task.cancel)
            await asyncio.wait([ended])
        raise
    finally:
        pool.shutdown(wait=False)


def told_here(tell: Callable[[T], None]) -> Callable[[T], None]:
    """`tell` for the thread of `aside`: each call happens in the event loop that is running now."""
    here = asyncio.get_running_loop()

    def told(what: T) -> None:
        here.call_soon_threadsafe(tell, what)

    return told
