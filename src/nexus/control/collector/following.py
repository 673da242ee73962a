"""Log lines as they are taken in: one JSON object a line, until the client goes away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from aiohttp import web

from nexus.control.collector.answers import Asked, Misasked, Subject
from nexus.control.collector.answers.logs import page, query_of
from nexus.control.collector.asking import in_thread, is_gone
from nexus.control.collector.wire import encoded

LOOK_EVERY = 0.4  # seconds
SIGN_OF_LIFE = 5.0  # seconds: an empty line tells whoever stands between that the client is gone
AT_ONCE = 2_000  # rows


async def follow(subject: Subject, asked: Asked, request: web.Request) -> web.StreamResponse:
    """The last `limit` rows, then each row as it is committed, at most half a second later."""
    if asked.all("of"):
        raise Misasked("lines of a thing of the business cannot be followed; leave out `of` or `follow`")
    query = await in_thread(request, lambda: query_of(subject, asked))
    rows, cursor = await in_thread(request, lambda: page(subject, query))
    later = replace(query, limit=AT_ONCE, newest=False)
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    await _write(response, rows)
    written = time.monotonic()
    while not is_gone(request):
        rows, cursor = await in_thread(request, partial(page, subject, replace(later, after=cursor)))
        if rows or time.monotonic() - written > SIGN_OF_LIFE:
            await _write(response, rows)
            written = time.monotonic()
        if len(rows) < AT_ONCE:
            await asyncio.sleep(LOOK_EVERY)
    return response


async def _write(response: web.StreamResponse, rows: Iterable[Mapping[str, Any]]) -> None:
    await response.write(b"".join(encoded(row) + b"\n" for row in rows) or b"\n")
