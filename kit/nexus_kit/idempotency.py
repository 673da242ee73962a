"""Repeated requests: the answer to an Idempotency-Key is stored with the effect and given again."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Request, Response

from nexus_kit.problems import problem

_KEY = re.compile(r"^[A-Za-z0-9_.:+/=@-]{1,200}$")


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The request's key (None: none was sent) and a hash over its method, path, query and body."""

    key: str | None
    request_hash: str


class Replay(Exception):
    """The request was answered before; carries that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


async def idempotency(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Makes a repeated request safe: it is carried out once, and its answer given again.",
            max_length=200,
            pattern=_KEY.pattern,
        ),
    ] = None,
) -> Idempotency:
    """Dependency: read the Idempotency-Key header. Answers 422 when it is malformed."""
    if idempotency_key is None:
        return Idempotency(None, "")
    if not _KEY.match(idempotency_key):
        raise problem(422, "invalid-header", "Idempotency-Key: 1 to 200 of A-Z a-z 0-9 _ . : + / = @ -")
    digest = hashlib.sha256()
    for part in (request.method, request.url.path, request.url.query):
        digest.update(part.encode() + b"\n")
    digest.update(await request.body())
    return Idempotency(idempotency_key, digest.hexdigest())
