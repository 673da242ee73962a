"""Orders that come at the same moment go to the engine as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

JOIN_S = 0.05  # how long the first of a batch waits for others


class Batch:
    """Collects names and hands them over together, one batch at a time."""

    def __init__(self, act: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        self._act = act
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._turn = asyncio.Lock()

    async def add(self, name: str) -> None:
        """Returns when a batch with this name was carried out; raises what it raised."""
        order = self._waiting.get(name)
        if order is None:
            order = self._waiting[name] = asyncio.get_running_loop().create_future()
            if len(self._waiting) == 1:
                await self._carry_out()
        await asyncio.shield(order)

    async def _carry_out(self) -> None:
        async with self._turn:
            await asyncio.sleep(JOIN_S)
            orders, self._waiting = self._waiting, {}
            act = asyncio.ensure_future(self._act(list(orders)))
            await asyncio.wait({act})
            for order in orders.values():
                if act.cancelled():
                    order.cancel()
                elif error := act.exception():
                    order.set_exception(error)
                else:
                    order.set_result(None)
