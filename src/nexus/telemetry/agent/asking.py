"""Asking every instance of a service how it is: its addresses come from the engine's name server."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from nexus.telemetry.agent.allowed import Target

LIMIT_S = 2.0
LARGEST = 4 << 20  # bytes of one instance's metrics
ROOM = 16 << 20  # bytes of everything that one round brings
DETAIL = 4096  # bytes kept of an answer about health
AT_ONCE = 16  # instances


@dataclass
class Round:
    """One round of questions, and how many bytes it may still bring."""

    session: aiohttp.ClientSession
    room: int = ROOM
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


async def ask_all(targets: Iterable[Target]) -> list[dict[str, Any]]:
    """Asks all instances of these targets at once; one entry each. A service without instances has none."""
    timeout = aiohttp.ClientTimeout(total=LIMIT_S)
    connector = aiohttp.TCPConnector(limit=0, use_dns_cache=False, force_close=True)
    headers = {"User-Agent": "nexus-telemetry"}
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=headers, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        this = Round(session)
        found = await asyncio.gather(*(_ask_service(this, target) for target in targets))
    return [entry for entries in found for entry in entries]


async def addresses(service: str, port: int) -> tuple[str, ...]:
    """Every IPv4 address that the name has; none when it is not known."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LIMIT_S):
            told = await loop.getaddrinfo(service, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        return ()
    return tuple(sorted({str(each[4][0]) for each in told}))


async def _ask_service(this: Round, target: Target) -> list[dict[str, Any]]:
    found = await asyncio.gather(*(_ask_host(this, target, host) for host in target.hosts))
    return [entry for entries in found for entry in entries]


async def _ask_host(this: Round, target: Target, host: str) -> list[dict[str, Any]]:
    side = "candidate" if host == target.candidate else "stable"
    found = await addresses(host, target.port)
    return list(await asyncio.gather(*(_ask(this, target, address, side) for address in found)))


async def _ask(this: Round, target: Target, address: str, side: str) -> dict[str, Any]:
    base = f"http://{address}:{target.port}"
    async with this.turn:
        metrics, live, ready, business = await asyncio.gather(
            _metrics(this, base, target.metrics),
            *(_health(this, base, path) for path in (target.live, target.ready, target.business)),
        )
    text, metrics_ms, error = metrics
    return {
        "service": target.service,
        "side": side,
        "address": f"{address}:{target.port}",
        "instance": _instance(ready) or _instance(live),
        "metrics": text,
        "metrics_ms": metrics_ms,
        "metrics_error": error,
        "live": live,
        "ready": ready,
        "business": business,
    }


async def _metrics(this: Round, base: str, path: str) -> tuple[str | None, float, str]:
    """The exposition, how long it took, and why there is none."""
    if not path:
        return None, 0.0, ""
    began = time.monotonic()
    try:
        async with this.session.get(base + path, allow_redirects=False) as answer:
            if answer.status != 200:
                return None, _ms(began), f"answered {answer.status}"
            body = await _read(answer, min(LARGEST, this.room))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return None, _ms(began), _why(error)
    if body is None:
        return None, _ms(began), f"more than {min(LARGEST, this.room)} bytes"
    this.room -= len(body)
    return body.decode("utf-8", "replace"), _ms(began), ""


async def _health(this: Round, base: str, path: str) -> dict[str, Any] | None:
    if not path:
        return None
    began = time.monotonic()
    try:
        async with this.session.get(base + path, allow_redirects=False) as answer:
            body = await answer.content.read(DETAIL)
            status, detail = answer.status, body.decode("utf-8", "replace")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        status, detail = 0, _why(error)
    return {"ok": status == 200, "ms": _ms(began), "status": status, "detail": detail}


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes | None:
    """A body of at most so many bytes; None when it is longer."""
    chunks, size = [], 0
    async for chunk in answer.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _instance(health: dict[str, Any] | None) -> str:
    """The name that an instance gives itself in its answer."""
    try:
        told = json.loads(health["detail"]) if health else None
    except ValueError:
        return ""
    name = told.get("instance") if isinstance(told, dict) else None
    return name if isinstance(name, str) else ""


def _ms(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 2)


def _why(error: BaseException) -> str:
    return f"no answer within {LIMIT_S:g} s" if isinstance(error, TimeoutError) else str(error)
