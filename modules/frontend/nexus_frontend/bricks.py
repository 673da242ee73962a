"""Which modules are part of the stack, and which of them answer just now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import aiohttp

FRESH = 5.0  # seconds for which what was seen of a brick counts


class Bricks:
    """Knows a brick's state from the calls made to it; asks its readiness only while pages are looked at."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = dict(addresses)
        self._down: set[str] = set()
        self._seen: dict[str, float] = {}
        self._asking: asyncio.Task[None] | None = None

    def on(self, brick: str) -> bool:
        """Is the brick part of this stack?"""
        return brick in self._addresses

    def down(self, brick: str) -> bool:
        """Did the brick fail to answer when last seen?"""
        return brick in self._down

    def usable(self, brick: str) -> bool:
        """On and answering."""
        return self.on(brick) and not self.down(brick)

    def state(self, brick: str) -> str:
        """ready, down or off."""
        return "off" if not self.on(brick) else "down" if self.down(brick) else "ready"

    def missing(self) -> tuple[str, ...]:
        """The bricks of this stack that do not answer."""
        return tuple(sorted(self._down))

    def seen(self, brick: str, *, up: bool) -> None:
        """Note that a brick answered, or did not."""
        self._seen[brick] = time.monotonic()
        if up:
            self._down.discard(brick)
        else:
            self._down.add(brick)

    def look(self) -> None:
        """Ask bricks not seen for a while, without waiting for the answer."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        now = time.monotonic()
        stale = [name for name in self._addresses if now - self._seen.get(name, -FRESH) >= FRESH]
        if not stale:
            return
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            await asyncio.gather(*(self._probe(http, name) for name in stale))

    async def _probe(self, http: aiohttp.ClientSession, brick: str) -> None:
        try:
            async with http.get(f"{self._addresses[brick]}/health/ready") as response:
                self.seen(brick, up=response.status == 200)
        except (aiohttp.ClientError, TimeoutError):
            self.seen(brick, up=False)

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
