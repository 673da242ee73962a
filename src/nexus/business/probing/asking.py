"""One request of a probe and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from nexus.telemetry.masking import mask

LARGEST = 1 << 20  # bytes of an answer that are read
LONGEST = 200  # characters of an answer that are told
_REASONS = ("detail", "title", "message", "error")


@dataclass(frozen=True)
class Answer:
    """What came back. `content` is its JSON, or its text if it has none; status 0: no answer, for `why`."""

    status: int
    content: Any = None
    why: str = ""


async def ask(
    session: aiohttp.ClientSession, method: str, url: str, body: Any, headers: Mapping[str, str]
) -> Answer:
    """Sends one request; redirects are answers of their own."""
    try:
        async with session.request(
            method, URL(url, encoded=True), json=body, headers=headers, allow_redirects=False
        ) as response:
            text = b""
            async for piece in response.content.iter_chunked(LARGEST):
                text += piece
                if len(text) > LARGEST:
                    return Answer(response.status, why=f"an answer of more than {LARGEST} bytes")
            return Answer(response.status, _content(text))
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
        return Answer(0, why=f"no answer: {error or type(error).__name__}")


def answer_text(answer: Answer) -> str:
    """The status and what the answer says of its reason, without secrets."""
    if not answer.status or answer.why:
        return f"{answer.status or ''} {answer.why}".strip()
    said: Any = answer.content
    if isinstance(said, Mapping):
        said = next((said[key] for key in _REASONS if isinstance(said.get(key), str)), "")
    return f"{answer.status} {mask(str(said or ''))[:LONGEST]}".strip()


def _content(text: bytes) -> Any:
    if not text:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.decode("utf-8", "replace")
