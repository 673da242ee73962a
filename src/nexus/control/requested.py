"""From a request of the control API to what it asks for, and to the operation that does it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from nexus.control.addresses import Refused
from nexus.control.operating import BAD_INPUT, Emit, Operating, refusal

T = TypeVar("T", bound=BaseModel)


def read(kind: type[T], body: Any) -> T:
    """A request as it was sent.

    Raises:
        Refused: it has unknown or wrong fields; says which and why.
    """
    known = set(kind.model_fields)
    if not isinstance(body, dict):
        raise Refused("the body is no JSON object")
    try:
        return kind.model_validate({name: value for name, value in body.items() if name != "run"})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            said = f"unknown; there are: {', '.join(sorted(known))}"
        raise Refused(f"{where}: {said}" if where else said) from error


async def asked(kind: type[T], request: web.Request) -> T:
    """What a request asks for. Raises Refused."""
    try:
        body = await request.json()
    except ValueError as error:
        raise Refused(f"the body is no JSON: {error}") from error
    return read(kind, body)


def operation(
    operating: Operating,
    kind: type[T],
    work: Callable[[T, Emit, asyncio.Event], Awaitable[None]],
    check: Callable[[T], None] = lambda asked: None,
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """What answers requests of a kind with the events of the work they ask for. `check` raises Refused where
    it may not be asked for.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            wish = await asked(kind, request)
            check(wish)
        except Refused as error:
            return refusal(str(error), BAD_INPUT)
        body = await request.json()
        return await operating.stream(request, body, lambda emit, stop: work(wish, emit, stop))

    return answer
