"""A source inside an engine: what a container, or a Swarm's task, writes on its outputs."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping

import aiohttp

from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.telemetry.intake.anchor import Anchor, Resuming
from nexus.telemetry.intake.frames import Frames, Line
from nexus.telemetry.targets import LogSource

log = logging.getLogger("nexus.telemetry")

MOST_WAITING = 4 << 20  # bytes of lines that wait to be used; then the engine waits
HELD_FOR = 0.4  # seconds that the last lines wait for others that belong to them
PAUSE, LONGEST_PAUSE = 1.0, 10.0
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"


class Container:
    """Lines of one container. `follow` brings them in and runs on the event loop; everything else is asked by
    the intake's thread.
    """

    def __init__(self, told: LogSource, checkpoint: str = "", engine: Engine | None = None) -> None:
        self.told = told
        self._engine = engine or Engine()
        self._used = self._read = Anchor.from_text(checkpoint)
        self._lock = threading.Lock()  # over what waits and what was lost
        self._waiting: deque[tuple[bytes, Anchor]] = deque()
        self._size = 0
        self._lost = 0
        self._trouble = ""
        self._held = (-1, -1)
        self._held_since = 0.0
        self._consumed = 0

    async def follow(self) -> None:
        """Reads as long as it lives, again and again: a container that ended may be started anew."""
        pause = PAUSE
        while True:
            try:
                got = await self._follow_once()
                self._trouble = ""
                pause = PAUSE if got else min(pause * 2, LONGEST_PAUSE)
            except EngineError as error:
                if str(error) != self._trouble:
                    log.warning(
                        "the log of %s (%s) cannot be read: %s", self.told.service, self.told.where, error
                    )
                self._trouble = str(error)
                pause = min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    def take(self, budget: int) -> list[bytes]:
        """The next lines, from about `budget` bytes."""
        found, size = list[bytes](), 0
        with self._lock:
            for line, _ in self._waiting:
                found.append(line)
                size += len(line) + 1
                if size >= budget:
                    break
        place = (self._consumed, len(found))
        if place != self._held:
            self._held, self._held_since = place, time.monotonic()
        return found

    def final(self) -> bool:
        """Whether no more lines need to be awaited for the last ones taken."""
        return time.monotonic() - self._held_since >= HELD_FOR

    def advance(self, count: int) -> None:
        """The first `count` of the lines taken were used."""
        with self._lock:
            for _ in range(count):
                line, self._used = self._waiting.popleft()
                self._size -= len(line) + 1
        self._consumed += count

    def position(self) -> str:
        """The checkpoint that belongs to what was used."""
        return self._used.to_text()

    def lost(self) -> int:
        """How often the engine no longer had what came next, since the last question: one line at least."""
        with self._lock:
            count, self._lost = self._lost, 0
        return count

    def progress(self) -> Mapping[int, int]:
        """Nobody needs to be told."""
        return {}

    def kept(self, progress: Mapping[int, int]) -> None:
        """Nobody needs to be told."""

    def behind(self) -> int:
        """Bytes that wait here; what the engine still has is not known."""
        return self._size

    def close(self) -> None:
        """Forgets what waits: it was not used."""
        with self._lock:
            self._waiting.clear()
            self._size = 0

    async def _follow_once(self) -> bool:
        """From one answer's beginning to its end; whether there was anything new.

        Raises:
            EngineError: the engine refuses or is away.
        """
        begin = self._read
        ask = {"follow": "1", "stdout": "1", "stderr": "1", "timestamps": "1", "since": begin.since()}
        path = f"{self.told.kind}s/{self.told.where}/logs"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0)
        # aiodocker's own `log` hides the frames' borders, and with them what is a line.
        async with self._engine.api() as api, api._query(path, params=ask, timeout=timeout) as answer, answer:
            frames = Frames(answer.headers.get("Content-Type", MULTIPLEXED) == MULTIPLEXED)
            resuming = Resuming(begin)
            async for chunk in answer.content.iter_any():
                self._add(frames.feed(chunk), resuming)
                await self._room()
        return self._read != begin

    def _add(self, lines: Iterable[Line], resuming: Resuming) -> None:
        with self._lock:
            for line in filter(resuming.new, lines):
                self._read = self._read.after(line)
                self._waiting.append((line.text, self._read))
                self._size += len(line.text) + 1
            self._lost, resuming.lost = self._lost + resuming.lost, 0

    async def _room(self) -> None:
        """Returns when enough of what waits was used."""
        while self._size > MOST_WAITING:  # noqa: ASYNC110 - another thread uses it
            await asyncio.sleep(0.05)
