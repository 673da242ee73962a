"""What modules sent and nobody has fetched yet: in memory, bounded by size and age, the oldest goes first."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

LIMIT = 32 << 20  # bytes
OLDEST = 300.0  # seconds
OVERHEAD = 512  # bytes that a payload takes beside its body


@dataclass(frozen=True)
class Payload:
    """One request's body as it came. `encoding` is "gzip", or "" for none."""

    number: int
    came: float
    signal: str
    type: str
    encoding: str
    body: bytes

    @property
    def size(self) -> int:
        """What it takes in memory, in bytes."""
        return len(self.body) + OVERHEAD


class Spool:
    """Payloads in the order of their numbers, which begin at 1. `boot` is another one at each start."""

    def __init__(
        self, limit: int = LIMIT, oldest: float = OLDEST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.boot = secrets.token_hex(8)
        self.size = 0
        self.dropped = 0
        self.acknowledged = 0
        self._limit = limit
        self._oldest = oldest
        self._clock = clock
        self._last = 0
        self._kept: deque[Payload] = deque()
        self._came = asyncio.Event()

    def add(self, signal: str, type_: str, encoding: str, body: bytes) -> None:
        """Keeps a payload; whatever then is too much or too old is dropped and counted."""
        self._last += 1
        self._kept.append(Payload(self._last, self._clock(), signal, type_, encoding, body))
        self.size += self._kept[-1].size
        self._expire()
        self._came.set()

    def acknowledge(self, number: int) -> None:
        """Forgets every payload up to this one: they arrived."""
        self.acknowledged = max(self.acknowledged, min(number, self._last))
        while self._kept and self._kept[0].number <= number:
            self._forget()

    def take(self, room: int) -> tuple[Payload, ...]:
        """The oldest payloads that fit into `room` bytes together, at least one if there is any."""
        self._expire()
        taken: list[Payload] = []
        for payload in self._kept:
            room -= payload.size
            if taken and room < 0:
                break
            taken.append(payload)
        return tuple(taken)

    async def wait(self, seconds: float) -> None:
        """Returns when there is something to take, or after `seconds`."""
        if self._kept:
            return
        self._came.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._came.wait()

    def _expire(self) -> None:
        now = self._clock()
        while self._kept and (self.size > self._limit or now - self._kept[0].came > self._oldest):
            self._forget()
            self.dropped += 1

    def _forget(self) -> None:
        self.size -= self._kept.popleft().size
