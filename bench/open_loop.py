"""An open-loop HTTP load: so many requests a second whatever becomes of them, each one's fate kept.

Unlike a closed loop, it does not slow down when the server does, so a gap shows as what users would see.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

TIMEOUT = aiohttp.ClientTimeout(total=40, connect=5)


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent (monotonic seconds), how long it took, its status (0 = none came)."""

    at: float
    seconds: float
    status: int
    path: str

    @property
    def failed(self) -> bool:
        """Whether a user would call it a failure: no answer, or not what a GET of this page gives."""
        return not 200 <= self.status < 300


@dataclass
class OpenLoop:
    """GETs of `paths` in turn at `rate` per second, from a thread of its own, between `start` and `stop`.

    `token` may be replaced while it runs.
    """

    base: str
    paths: Sequence[str]
    rate: float
    token: str = ""
    answers: list[Answer] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="open loop")
        self._thread.start()

    def stop(self) -> None:
        """Returns when the last request has ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def between(self, since: float, until: float) -> list[Answer]:
        """The requests sent in a span of time, in monotonic seconds."""
        return [answer for answer in self.answers if since <= answer.at < until]

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=30)
        running: set[asyncio.Task[None]] = set()
        async with aiohttp.ClientSession(self.base, connector=connector) as session:
            began, number = time.monotonic(), 0
            while not self._stop.is_set():
                await asyncio.sleep(max(0.0, began + number / self.rate - time.monotonic()))
                task = asyncio.create_task(self._one(session, self.paths[number % len(self.paths)]))
                running.add(task)
                task.add_done_callback(running.discard)
                number += 1
            if running:
                await asyncio.wait(running)

    async def _one(self, session: aiohttp.ClientSession, path: str) -> None:
        at, status = time.monotonic(), 0
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            async with session.get(path, headers=headers, timeout=TIMEOUT, allow_redirects=False) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        self.answers.append(Answer(at, time.monotonic() - at, status, path))


def quantile(answers: Sequence[Answer], q: float) -> float:
    """Nearest-rank latency in milliseconds; 0 without an answer."""
    ordered = sorted(answer.seconds for answer in answers)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000 if ordered else 0.0
