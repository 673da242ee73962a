"""Orders that come at the same moment go to the engine as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

JOIN_S = 0.05  # how long the first of a batch waits for others


class Batch:
    """Collects names and hands them over together, one batch at a time.

    A batch is carried out to its end, whoever of those that wait for it goes away.
    """

    def __init__(self, act: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        self._act = act
        self._names: list[str] = []
        self._next: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def add(self, name: str) -> None:
        """Returns when a batch with this name was carried out; raises what it raised."""
        if self._next is None:
            self._next = asyncio.create_task(self._carry_out(), name="batch")
        if name not in self._names:
            self._names.append(name)
        await asyncio.shield(self._next)

    async def _carry_out(self) -> None:
        async with self._turn:
            await asyncio.sleep(JOIN_S)
            names, self._names, self._next = self._names, [], None
            await self._act(names)
