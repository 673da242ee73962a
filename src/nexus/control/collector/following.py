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
from nexus.control.questions import CURSOR

LOOK_EVERY = 0.4  # seconds
SIGN_OF_LIFE = 5.0  # seconds: a line now and then tells whoever stands between that the client is gone
AT_ONCE = 2_000  # rows


async def follow(subject: Subject, asked: Asked, request: web.Request) -> web.StreamResponse:
    """The last `limit` rows, or those after the cursor `after`; then each row as it is committed, at most
    half a second later. Lines with a `cursor` alone say from where to go on.
    """
    if asked.all("of"):
        raise Misasked("lines of a thing of the business cannot be followed; leave out `of` or `follow`")
    query = await in_thread(request, lambda: query_of(subject, asked))
    rows, cursor = await in_thread(request, lambda: page(subject, query))
    later = replace(query, limit=AT_ONCE, newest=False)
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    await _write(response, rows, cursor)
    written = time.monotonic()
    while not is_gone(request):
        rows, cursor = await in_thread(request, partial(page, subject, replace(later, after=cursor)))
        if rows or time.monotonic() - written > SIGN_OF_LIFE:
            await _write(response, rows, cursor)
            written = time.monotonic()
        if len(rows) < AT_ONCE:
            await asyncio.sleep(LOOK_EVERY)
    return response


async def _write(response: web.StreamResponse, rows: Iterable[Mapping[str, Any]], cursor: str) -> None:
    await response.write(b"".join(encoded(line) + b"\n" for line in (*rows, {CURSOR: cursor})))
