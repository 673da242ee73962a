"""Spans over OTLP/HTTP: gathered for a moment, sent in batches by the event loop, never in anyone's way.

Own code instead of OpenTelemetry's SDK, which costs three times the CPU per span (bench/spans.py), since
its thread contends with the loop, and 20 MB per process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from nexus_kit.logs import log
from nexus_kit.otlp_wire import export_request, resource

if TYPE_CHECKING:
    import aiohttp

    from nexus_kit.settings import Settings
    from nexus_kit.spans import Span

BATCH = 256  # encoded at once: some 1 ms of the loop
QUEUE = 8192
GATHER_S = 1.0
TIMEOUT_S = 5.0
MOST_DOUBLINGS = 5
RETRIED = frozenset({429, 502, 503, 504})


class Exporter:
    """A bounded queue of ended spans and the task that sends it. ``dropped`` is told how many were lost."""

    def __init__(self, settings: Settings, dropped: Callable[[int], None]) -> None:
        self._url = f"{(settings.otlp_endpoint or '').rstrip('/')}/v1/traces"
        self._resource = resource(
            {
                "service.name": settings.service,
                "service.instance.id": settings.instance,
                "service.version": settings.release,
            }
        )
        self._dropped = dropped
        self._queue: deque[Span] = deque()
        self._some = asyncio.Event()
        self._many = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._http: aiohttp.ClientSession | None = None

    def offer(self, span: Span) -> None:
        """Take a span to be sent; one too many is counted and forgotten."""
        queued = len(self._queue)
        if queued >= QUEUE:
            self._dropped(1)
            return
        self._queue.append(span)
        if queued == 0:
            self._some.set()
        elif queued == BATCH:
            self._many.set()

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._run())

    async def stop(self, seconds: float) -> None:
        """Send what is left, within ``seconds``; the rest is counted as lost."""
        self._stopping.set()
        self._some.set()
        self._many.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._queue:
            log.warning("spans were not sent", extra={"url": self._url, "spans": len(self._queue)})
            self._dropped(len(self._queue))
            self._queue.clear()
        if self._http is not None:
            await self._http.close()

    async def _run(self) -> None:
        """While nobody takes them, spans wait in the queue and tries become rarer."""
        while not self._stopping.is_set():
            await self._some.wait()
            await self._pause()
            await self._send_all()
            if not self._queue:
                self._some.clear()
        await self._send_all()

    async def _pause(self) -> None:
        """Let more spans join the batch; after failures let the receiver rest, twice as long each time."""
        self._many.clear()
        waiting = self._stopping if self._failures or self._stopping.is_set() else self._many
        seconds = GATHER_S * 2 ** min(max(self._failures - 1, 0), MOST_DOUBLINGS)
        try:
            async with asyncio.timeout(seconds):
                await waiting.wait()
        except TimeoutError:
            return

    async def _send_all(self) -> None:
        going_on = True
        while going_on and self._queue:
            going_on = await self._send_one()

    async def _send_one(self) -> bool:
        """Send the oldest batch. Returns whether to go on; a batch that may be taken later is kept."""
        batch = [self._queue[at] for at in range(min(BATCH, len(self._queue)))]
        try:
            reason, later = await self._post(export_request(self._resource, batch))
        except (TypeError, ValueError) as error:  # a span that cannot be encoded
            reason, later = f"{type(error).__name__}: {error}", False
        if reason and later:
            self._trouble(reason)
            return False
        for _ in batch:
            self._queue.popleft()
        if reason:
            self._dropped(len(batch))
            self._trouble(reason)
            return True
        if self._failures:
            self._failures = 0
            log.info("spans are sent again", extra={"url": self._url})
        return True

    async def _post(self, body: bytes) -> tuple[str, bool]:
        """Returns why the batch was not taken ('' when it was), and whether it may be taken later."""
        import aiohttp

        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT_S))
        headers = {"Content-Type": "application/x-protobuf"}
        try:
            async with self._http.post(self._url, data=body, headers=headers) as answer:
                refused = answer.status >= 300
                return (f"answered {answer.status}" if refused else ""), answer.status in RETRIED
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"{type(error).__name__}: {error}", True

    def _trouble(self, reason: str) -> None:
        if self._failures == 0:
            log.warning("spans cannot be sent", extra={"url": self._url, "reason": reason})
        self._failures += 1
