"""OTLP/HTTP as a server speaks it: what modules on this machine send goes into the store once a second.

Spans and metrics are acknowledged when they are in memory, logs when they are in the store.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pyarrow as pa
from aiohttp import web
from google.protobuf import json_format  # type: ignore[import-untyped]
from google.protobuf.message import Message  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from nexus.telemetry.otlp.decode import Taker, masked
from nexus.telemetry.otlp.messages import JSON, LARGEST, PROTOBUF, RESPONSES, OtlpSignal, Undecodable, parse
from nexus.telemetry.scrape.series import Series
from nexus.telemetry.store import Store, StoreError, StoreFull
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.telemetry")

EVERY = 1.0  # seconds between two writes
ROOM = 64 << 20  # bytes of requests that wait to be written
IN_A_THREAD = 256 << 10  # bytes from which on a request is decoded beside the event loop
RETRY_AFTER = "5"  # seconds
PATIENCE = 10.0  # seconds for a body to arrive
INVALID_ARGUMENT, UNAVAILABLE = 3, 14  # google.rpc.Code
GZIP = b"\x1f\x8b"  # no request in either encoding begins so
SIGNALS: tuple[OtlpSignal, ...] = ("traces", "logs", "metrics")
_REJECTED = {"traces": "rejected_spans", "logs": "rejected_log_records", "metrics": "rejected_data_points"}


class Closing(Exception):
    """The receiver ends; what comes now is to come again."""


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """Takes in traces, logs and metrics."""

    def __init__(self, store: Store, room: int = ROOM) -> None:
        self._store = store
        self._room = room
        self._taker = Taker()
        self._open = True
        self._size = 0
        self._waiting: dict[OtlpSignal, list[pa.Table]] = {signal: [] for signal in SIGNALS}
        self._came = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._written: asyncio.Future[bool] | None = None
        self._taken: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def aim(self, targets: Targets) -> None:
        """Everybody who can reach the port may send; there is nothing to aim at."""

    def routes(self) -> list[web.RouteDef]:
        """What is to be added to an application. Give its runner `auto_decompress=False`: aiohttp drops the
        connection of a sender whose gzip is broken, instead of telling why.
        """
        return [web.post(f"/v1/{signal}", self._handler(signal)) for signal in SIGNALS]

    async def run(self) -> None:
        """Writes what came until cancelled; then writes the rest."""
        self._open = True
        try:
            while True:
                await self._came.wait()
                await asyncio.sleep(EVERY)
                self._came.clear()
                await asyncio.shield(self.flush())
        finally:
            self._open = False  # what came now would be acknowledged and never written
            await self.flush()

    def latest(self) -> list[Series]:
        """Every series that was sent within the last five minutes."""
        return self._taker.metrics.latest()

    def facts(self) -> dict[str, Any]:
        """How many rows of each signal were taken and refused, and how many bytes wait to be written."""
        return {
            "taken": dict(self._taken),
            "refused": dict(self._refused),
            "waiting_bytes": self._size,
            **self._taker.metrics.registry.facts(),
        }

    def _handler(self, signal: OtlpSignal) -> Handler:
        async def receive(request: web.Request) -> web.StreamResponse:
            kind = request.content_type
            if kind not in (PROTOBUF, JSON):
                return web.Response(status=415, text=f"send {PROTOBUF} or {JSON}")
            if request.headers.get("Content-Encoding", "identity").lower() not in ("identity", "gzip"):
                return refusal(kind, 415, INVALID_ARGUMENT, "send it plain or with gzip")
            if not self._open or self._size > self._room:
                return refusal(kind, 503, UNAVAILABLE, "too much waits to be written")
            try:
                body = await _read(request)
                refused, why = await self._take(signal, body, kind)
            except Closing:
                return refusal(kind, 503, UNAVAILABLE, "the collector ends")
            except TimeoutError:
                return refusal(kind, 408, INVALID_ARGUMENT, "the body did not arrive in time")
            except web.HTTPRequestEntityTooLarge:
                return refusal(kind, 413, INVALID_ARGUMENT, f"a body may have {LARGEST} bytes at most")
            except Undecodable as error:
                self._refused["requests"] += 1
                return refusal(kind, 400, INVALID_ARGUMENT, str(error))
            if signal == "logs" and not await self._kept():
                return refusal(kind, 503, UNAVAILABLE, "the store takes nothing at the moment")
            return _accepted(signal, kind, refused, why)

        return receive

    async def _take(self, signal: OtlpSignal, body: bytes, kind: str) -> tuple[int, str]:
        """Puts a request among those that wait; returns how many rows were refused, and why.

        Raises:
            Undecodable: it is no OTLP.
            Closing: the receiver ended while the request was read.
        """
        encoding = "gzip" if body.startswith(GZIP) else ""
        if len(body) > IN_A_THREAD or encoding:
            message = await asyncio.to_thread(parse, signal, body, kind, encoding)
        else:
            message = parse(signal, body, kind)
        if not self._open:
            raise Closing
        table, refused, said = self._taker.take(signal, message)
        self._taken[signal] += table.num_rows
        self._refused[signal] += refused.total()
        for why, count in refused.items():
            self._store.dropped("otlp", why, count)
        if table.num_rows:
            self._waiting[signal].append(table)
            self._size += table.nbytes
            self._came.set()
        return refused.total(), "; ".join(filter(None, (*refused, said)))

    async def _kept(self) -> bool:
        """Whether what waits now came into the store."""
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        self._came.set()
        return await asyncio.shield(self._written)

    async def flush(self) -> None:
        """Writes everything that waits, and tells the senders of logs whether theirs is kept."""
        async with self._flushing:
            waiting, self._waiting = self._waiting, {signal: [] for signal in SIGNALS}
            size, self._size = self._size, 0
            told, self._written = self._written, None
            kept = dict.fromkeys(SIGNALS, False)
            try:
                for signal, tables in waiting.items():
                    kept[signal] = not tables or await self._write(signal, tables)
            finally:
                if told is not None and not told.done():
                    told.set_result(kept["logs"])
        if size:
            log.debug("%d bytes of OTLP written", size)

    async def _write(self, signal: OtlpSignal, tables: list[pa.Table]) -> bool:
        """Whether it is kept; what is not is counted, whatever hindered it."""
        began = time.perf_counter()
        rows = sum(table.num_rows for table in tables)
        try:
            await asyncio.to_thread(lambda: self._store.append(signal, masked(pa.concat_tables(tables))))
        except StoreFull as error:
            return self._lost(signal, rows, "disk full", str(error))
        except StoreError as error:
            return self._lost(signal, rows, "store failed", str(error))
        except Exception as error:
            log.exception("writing %s met an error", signal)
            return self._lost(signal, rows, "store failed", f"{type(error).__name__}: {error}")
        log.debug("%d rows of %s in %.3f s", rows, signal, time.perf_counter() - began)
        return True

    def _lost(self, signal: OtlpSignal, rows: int, why: str, said: str) -> bool:
        """Counts what could not be kept; logs come again, because their senders are told."""
        log.warning("%d rows of %s could not be kept: %s", rows, signal, said)
        if signal != "logs":
            self._store.dropped("otlp", why, rows)
        return False


async def _read(request: web.Request) -> bytes:
    """The body as it came, up to the limit.

    Raises:
        TimeoutError: it did not arrive in time.
        web.HTTPRequestEntityTooLarge: it is longer than the limit.
    """
    parts, size = [], 0
    async with asyncio.timeout(PATIENCE):
        async for part in request.content.iter_any():
            size += len(part)
            if size > LARGEST:
                raise web.HTTPRequestEntityTooLarge(LARGEST, size)
            parts.append(part)
    return b"".join(parts)


def _accepted(signal: OtlpSignal, kind: str, refused: int, why: str) -> web.Response:
    answer = RESPONSES[signal]()
    if refused or why:
        partial = answer.partial_success
        setattr(partial, _REJECTED[signal], refused)
        partial.error_message = why
    return _answer(kind, 200, answer)


def refusal(kind: str, status: int, code: int, message: str) -> web.Response:
    """A google.rpc.Status in the request's own encoding."""
    headers = {"Retry-After": RETRY_AFTER} if status in (429, 503) else {}
    return _answer(kind, status, Status(code=code, message=message), headers)


def _answer(kind: str, status: int, message: Message, headers: dict[str, str] | None = None) -> web.Response:
    body = (
        json_format.MessageToJson(message, indent=None).encode()
        if kind == JSON
        else message.SerializeToString()
    )
    return web.Response(status=status, body=body, content_type=kind, headers=headers)
