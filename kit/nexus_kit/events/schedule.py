"""Events to be tried again: when, and how often they failed. Kept in the process; Redis keeps the events
pending.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from dataclasses import dataclass, field

from nexus_kit.events.event import Event, NotYet

DELAYS_S = (0.2, 0.5, 1.0, 2.0)
MAX_FAILURES = 10
MAX_WAIT_S = 600.0


@dataclass(slots=True, eq=False)
class Item:
    """An event in hand: where it came from and what became of earlier attempts."""

    stream: str
    entry_id: str
    event: Event
    failures: int = 0
    waits: int = 0
    first: float = field(default_factory=time.monotonic)
    error: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Names the entry among all streams."""
        return self.stream, self.entry_id

    def failed(self, error: Exception) -> float | None:
        """Count an attempt that failed. Returns the pause in seconds before the next, None to give up."""
        self.error = f"{type(error).__name__}: {error}"
        if isinstance(error, NotYet):
            self.waits += 1
            given_up = time.monotonic() - self.first > MAX_WAIT_S
        else:
            self.failures += 1
            given_up = self.failures >= MAX_FAILURES
        tries = self.waits if isinstance(error, NotYet) else self.failures
        return None if given_up else DELAYS_S[min(tries, len(DELAYS_S)) - 1]


class Schedule:
    """A queue ordered by due time."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Item]] = []
        self._count = itertools.count()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, item: Item, pause: float) -> None:
        """Make ``item`` due in ``pause`` seconds."""
        heapq.heappush(self._heap, (time.monotonic() + pause, next(self._count), item))
        self._changed.set()

    async def due(self, most: int = 200) -> list[Item]:
        """Wait until something is due; return what is, at most ``most``."""
        while True:
            self._changed.clear()
            now = time.monotonic()
            if self._heap and self._heap[0][0] <= now:
                items: list[Item] = []
                while self._heap and self._heap[0][0] <= now and len(items) < most:
                    items.append(heapq.heappop(self._heap)[2])
                return items
            pause = self._heap[0][0] - now if self._heap else None
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                continue
