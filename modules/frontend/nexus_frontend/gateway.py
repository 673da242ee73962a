"""The only way to the company's data: JSON over HTTP through the API gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from nexus_kit import tracing

from nexus_frontend.bricks import Bricks
from nexus_frontend.problems import ApiProblem, BrickDown

GONE = frozenset({502, 503, 504})
PAUSES = (0.15, 0.5)  # seconds before the second and the third try


class Gateway:
    """An HTTP client that repeats what may be repeated: reads, and writes that carry an idempotency key."""

    def __init__(self, base: str, bricks: Bricks) -> None:
        self._base = base
        self._bricks = bricks
        self._http: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        params: Mapping[str, Any] | None = None,
        body: object = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """One call; the decoded JSON answer, or None when there is no content.

        path: from ``/api/``. key: idempotency key of a write. Raises ApiProblem when the module refuses,
        BrickDown when it is switched off or does not answer.
        """
        brick = path.split("/")[2]
        if not self._bricks.on(brick):
            raise BrickDown(brick, off=True)
        sent = {"Accept": "application/json", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if key:
            sent["Idempotency-Key"] = key
        data = None
        if body is not None:
            data = orjson.dumps(body, default=str)
            sent["Content-Type"] = "application/json"
        query = [(name, str(item)) for name, value in (params or {}).items() for item in _items(value)]
        repeatable = method == "GET" or key is not None
        pauses = PAUSES if repeatable and not self._bricks.down(brick) else ()
        for pause in (*pauses, None):
            try:
                with tracing.calling(method, "gateway", path) as span:
                    sent["traceparent"] = span.traceparent
                    status, answer = await self._send(method, path, query, data, sent)
                    tracing.answered(span, status)
            except TimeoutError:
                break  # it hangs; whoever waits for the page has waited enough
            except aiohttp.ClientError:
                status, answer = 0, None
            if status and status not in GONE:
                self._bricks.seen(brick, up=True)
                if status >= 400:
                    raise ApiProblem(status, answer if isinstance(answer, dict) else {})
                return answer
            if pause is not None:
                await asyncio.sleep(pause)
        self._bricks.seen(brick, up=False)
        raise BrickDown(brick)

    async def _send(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]],
        data: bytes | None,
        headers: dict[str, str],
    ) -> tuple[int, Any]:
        async with self._session().request(
            method, self._base + path, params=query, data=data, headers=headers, allow_redirects=False
        ) as response:
            raw = await response.read()
            json = "json" in response.headers.get("Content-Type", "")
            return response.status, orjson.loads(raw) if raw and json else None

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=8, connect=2),
                connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=20),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._http

    async def close(self) -> None:
        """End the connections to the gateway."""
        if self._http is not None:
            await self._http.close()
            self._http = None


def _items(value: object) -> tuple[object, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, bool):
        return (str(value).lower(),)
    return tuple(value) if isinstance(value, list | tuple) else (value,)
