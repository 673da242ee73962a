"""Whose turn it is: one operation changes the stack at a time, in this control loop and beside it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from nexus.control.addresses import Refused
from nexus.plans import Lease, LeaseHeld
from nexus.runtimes.protocol import StartError

Emit = Callable[[dict[str, Any]], None]
LEASE_SECONDS = 30.0


class Turn:
    """Operations of this control loop wait for each other; other processes are kept out by the lease.
    `whole`: raises Refused while the stack is in the middle of something that only its own operation may end.
    """

    def __init__(self, lease: Lease, whole: Callable[[], None] | None = None) -> None:
        self._lease = lease
        self._whole = whole
        self._lock = asyncio.Lock()
        self._closed = False
        self.holder = ""

    def close(self) -> None:
        """From now on nobody gets a turn: the control loop ends."""
        self._closed = True

    @asynccontextmanager
    async def taken(self, who: str, emit: Emit, halfway: bool = False) -> AsyncIterator[None]:
        """While the block runs, `who` alone changes the stack. Whoever must wait is told for whom. `halfway`:
        whether it may begin though the stack is not whole.

        Raises:
            Refused: another process changes the stack; says which. Or the stack is not whole.
            StartError: the control loop ends.
        """
        if self._lock.locked():
            emit({"event": "waiting", "holder": self.holder})
        async with self._lock:
            if self._closed:
                raise StartError("the control loop is just ending; run the same command again")
            if self._whole is not None and not halfway:
                self._whole()
            self.holder = who
            try:
                self._lease.acquire(who, LEASE_SECONDS)
            except LeaseHeld as held:
                self.holder = ""
                raise Refused(str(held)) from held
            renewing = asyncio.create_task(self._renew(), name="lease")
            try:
                yield
            finally:
                renewing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await renewing
                self._lease.release()
                self.holder = ""

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            self._lease.renew(LEASE_SECONDS)
