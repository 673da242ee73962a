"""OTLP/HTTP as servers speak it; bodies are kept unread.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from nexus.telemetry.agent.spool import Spool

PROTOBUF, JSON = "application/x-protobuf", "application/json"
LARGEST = 2 << 20  # bytes of one body as sent
AT_ONCE = 6 << 20  # bytes of all bodies that are being read
PATIENCE = 10.0  # seconds for a body to arrive
RETRY_AFTER = "1"  # seconds
SIGNALS = ("traces", "logs", "metrics")
INVALID_ARGUMENT, RESOURCE_EXHAUSTED = 3, 8  # google.rpc.Code

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiving:
    """Takes in requests as long as there is room to read them; else they are to come again."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._reading = 0

    def handler(self, signal: str) -> Handler:
        """What answers `POST /v1/SIGNAL`."""

        async def receive(request: web.Request) -> web.StreamResponse:
            type_ = request.content_type
            encoding = request.headers.get("Content-Encoding", "").lower()
            if type_ not in (PROTOBUF, JSON):
                return web.Response(status=415, text=f"send {PROTOBUF} or {JSON}")
            if encoding not in ("", "identity", "gzip"):
                return _refusal(type_, 415, INVALID_ARGUMENT, "send it plain or with gzip")
            expected = LARGEST if request.content_length is None else request.content_length
            if expected > LARGEST:
                return _refusal(type_, 413, INVALID_ARGUMENT, f"a body may have {LARGEST} bytes at most")
            if self._reading + expected > AT_ONCE:
                return _refusal(type_, 429, RESOURCE_EXHAUSTED, "too much at once")
            self._reading += expected
            try:
                async with asyncio.timeout(PATIENCE):
                    body = await request.read()
            except TimeoutError:
                return _refusal(type_, 408, INVALID_ARGUMENT, "the body did not arrive in time")
            finally:
                self._reading -= expected
            self._spool.add(signal, type_, "gzip" if encoding == "gzip" else "", body)
            return web.Response(body=b"{}" if type_ == JSON else b"", content_type=type_)

        return receive


def _refusal(type_: str, status: int, code: int, message: str) -> web.Response:
    """A google.rpc.Status in the request's own language."""
    headers = {"Retry-After": RETRY_AFTER} if status == 429 else {}
    if type_ == JSON:
        body = json.dumps({"code": code, "message": message}).encode()
    else:  # field 1 is the code as a varint, field 2 the message: none here is longer than 127 bytes
        body = bytes((0x08, code, 0x12, len(message))) + message.encode()
    return web.Response(status=status, body=body, content_type=type_, headers=headers)
