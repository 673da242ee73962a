"""How fast copies may go, so that they leave the line to those who work on it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field


@dataclass
class Pace:
    """At most `rate` bytes per second over time, for all who share it; None: as fast as it goes.

    `urgent` copies count against it and wait for nobody.
    """

    rate: float | None = None
    _free_at: float = field(default=0.0, repr=False)

    def due(self, size: int) -> float:
        """Books `size` bytes that are about to go; how many seconds to wait before they do."""
        if self.rate is None:
            return 0.0
        now = time.monotonic()
        wait = max(0.0, self._free_at - now)
        self._free_at = now + wait + size / self.rate
        return wait

    def least(self, size: int) -> float:
        """How many seconds `size` bytes take at least."""
        return size / self.rate if self.rate else 0.0

    async def wait(self, size: int) -> None:
        """Books, and waits on the event loop."""
        if (due := self.due(size)) > 0:
            await asyncio.sleep(due)

    def hold(self, size: int) -> None:
        """Books, and waits in a thread."""
        if (due := self.due(size)) > 0:
            time.sleep(due)

    def urgent(self) -> Pace:
        """For what goes first: it is booked here and never waits."""
        return Urgent(self)


class Urgent(Pace):
    """The pace of what goes before all else: others wait for it."""

    def __init__(self, shared: Pace) -> None:
        super().__init__(None)
        self._shared = shared

    def due(self, size: int) -> float:
        self._shared.due(size)
        return 0.0


FREE = Pace()
