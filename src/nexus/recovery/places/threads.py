"""Blocking calls of one place: in threads of its own, so that a disk that hangs stops nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from nexus.recovery.errors import PlaceError

T = TypeVar("T")


class Threads:
    """Runs calls for the place `name`, at most `most` at once, and waits `patience` seconds for each.

    The threads are daemons: one that a dead mount holds in the kernel does not keep the process from ending.
    """

    def __init__(self, name: str, most: int = 4, patience: float = 900.0) -> None:
        self._name = name
        self._patience = patience
        self._free = asyncio.Semaphore(most)

    async def run(self, call: Callable[[], T], slow: float = 0.0) -> T:
        """The call's result. `slow`: seconds that it may take besides, because it is held back.

        Raises:
            PlaceError: it did not answer in time. It goes on in its thread, which stays taken until it ends.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        patience = self._patience + slow
        try:
            async with asyncio.timeout(patience) as limit:
                await self._free.acquire()
                self._start(call, answer)
                return await answer
        except TimeoutError:
            if not limit.expired():
                raise
            raise PlaceError(
                f"place {self._name} has not answered for {patience:.0f} s; is its disk or its line well?"
            ) from None

    def _start(self, call: Callable[[], T], answer: asyncio.Future[T]) -> None:
        loop = asyncio.get_running_loop()

        def settle(settled: Callable[[], None]) -> None:
            self._free.release()
            if not answer.done():
                settled()

        def work() -> None:
            try:
                result = call()
                settled = partial(answer.set_result, result)
            except BaseException as error:  # noqa: BLE001 - it is raised where the call is awaited
                settled = partial(answer.set_exception, error)
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, settled)

        threading.Thread(target=work, name=f"place {self._name}", daemon=True).start()
