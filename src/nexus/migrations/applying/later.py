"""Work that begins a while later, unless what it is for is over by then: most statements are over at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Later:
    """Begins `work` as a task after so many `seconds`; `over` must be awaited in any case."""

    def __init__(self, seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(seconds, self._begin)

    async def over(self) -> None:
        """It need not begin any more; where it has, wait for its end, and raise what it raised."""
        self._timer.cancel()
        if self._task is not None:
            await self._task

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._work())
