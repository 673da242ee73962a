"""Errors as RFC 9457 problem details: one exception, one shape, for everything that can go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Response

from nexus_kit.tracing import current_request_id, current_trace_id

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that is an error. ``raise problem(...)`` makes one.

    Parameters: ``status`` HTTP status; ``slug`` short stable name, part of the type URI; ``detail`` one
    sentence for people; ``extra`` further members of the JSON object; ``headers`` added to the response.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


class Unavailable(Problem):
    """Something this module needs is away for now: 503 with Retry-After."""

    def __init__(self, detail: str, slug: str = "unavailable", retry_after: int = 1) -> None:
        super().__init__(503, slug, detail, headers={"Retry-After": str(retry_after)})


def problem(
    status: int, slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any
) -> Problem:
    """Make a Problem to raise: ``raise problem(409, "duplicate-tax-id", "This CNPJ is registered.",
    field="tax_id")``.
    """
    return Problem(status, slug, detail, extra, headers)


def problem_body(status: int, slug: str, detail: str, instance: str, extra: Mapping[str, Any]) -> bytes:
    """Render the problem's JSON; text that UTF-8 cannot carry is replaced, never a failure."""
    body = {
        "type": f"urn:nexus:problem:{slug}",
        "title": _title(status),
        "status": status,
        "detail": detail,
        "instance": instance,
        "request_id": current_request_id(),
        "trace_id": current_trace_id(),
        **extra,
    }
    return orjson.dumps(_clean(body), default=str)


def problem_response(
    status: int,
    slug: str,
    detail: str,
    instance: str,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the problem as a response."""
    body = problem_body(status, slug, detail, instance, extra or {})
    return Response(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 53:
        return str(value)[:80]
    return value
