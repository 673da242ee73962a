"""Exceptions to problem details: what FastAPI, Starlette and PostgreSQL raise, for all modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from nexus_kit.database import is_transient
from nexus_kit.idempotency import Replay
from nexus_kit.logs import log
from nexus_kit.openapi import allowed_methods
from nexus_kit.problems import Problem, problem_response

RETRY = {"Retry-After": "1"}
_SLUGS = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media",
}


def install(app: FastAPI) -> None:
    """Register the handlers on ``app``."""
    for kind, handler in (
        (Problem, _problem),
        (Replay, _replay),
        (HTTPException, _http),
        (RequestValidationError, _invalid),
        (asyncpg.PostgresError, _postgres),
        (asyncpg.InterfaceError, _postgres),
        (asyncpg.InternalClientError, _postgres),
        (ConnectionError, _postgres),
        (TimeoutError, _postgres),
    ):
        app.add_exception_handler(kind, handler)


async def _problem(request: Request, error: Any) -> Response:
    if error.status >= 500:
        log.warning(
            "answered with a problem", extra={"status": error.status, "slug": error.slug, "why": _why(error)}
        )
    return problem_response(
        error.status, error.slug, error.detail, request.url.path, error.extra, error.headers
    )


def _why(error: Exception) -> str:
    return str(getattr(error, "cause", "") or error.__cause__ or error)


async def _replay(request: Request, error: Any) -> Response:
    answer: Response = error.response
    return answer


async def _http(request: Request, error: Any) -> Response:
    detail = str(error.detail) if error.detail else "The request cannot be answered."
    slug = _SLUGS.get(error.status_code, f"http-{error.status_code}")
    headers = dict(error.headers or {})
    if error.status_code == 405 and (methods := allowed_methods(request.app, request.url.path)):
        headers["Allow"] = ", ".join(methods)
    return problem_response(error.status_code, slug, detail, request.url.path, None, headers)


async def _invalid(request: Request, error: Any) -> Response:
    errors = [
        {
            "field": ".".join(str(part) for part in item.get("loc", ())),
            "message": str(item.get("msg", "")),
            "code": str(item.get("type", "")),
        }
        for item in list(error.errors())[:50]
    ]
    detail = (
        "; ".join(f"{item['field']}: {item['message']}" for item in errors[:3]) or "The request is not valid."
    )
    return problem_response(422, "validation", detail, request.url.path, {"errors": errors})


async def _postgres(request: Request, error: Any) -> Response:
    status, slug, detail = classify(error)
    log.log(
        40 if status == 500 else 30,
        "database error",
        extra={"status": status, "error": f"{type(error).__name__}: {error}"},
        exc_info=error if status == 500 else None,
    )
    headers = RETRY if status in (503, 507) else None
    return problem_response(status, slug, detail, request.url.path, None, headers)


_CLASSES: Sequence[tuple[type[Exception] | tuple[type[Exception], ...], tuple[int, str, str]]] = (
    (
        asyncpg.DiskFullError,
        (507, "storage-full", "The database has no room left on its disk. Nothing was changed."),
    ),
    (
        asyncpg.DataError,
        (422, "invalid-value", "A value is out of the range or alphabet that can be stored."),
    ),
    (asyncpg.UniqueViolationError, (409, "conflict", "This exists already.")),
    (
        asyncpg.ForeignKeyViolationError,
        (409, "conflict", "Something this refers to does not exist, or is still used."),
    ),
    (asyncpg.IntegrityConstraintViolationError, (422, "invalid-value", "The values do not fit together.")),
    (
        asyncpg.TransactionRollbackError,
        (503, "contention", "Another request changed the same things. Try again."),
    ),
    (asyncpg.InvalidCachedStatementError, (503, "contention", "The database was just upgraded. Try again.")),
    (asyncpg.LockNotAvailableError, (503, "contention", "Another request holds the same things. Try again.")),
    (asyncpg.QueryCanceledError, (503, "timeout", "The database took too long. Try again.")),
)


_AWAY = (
    503,
    "unavailable",
    "The database, or something else this needs, is away for now. Try again shortly.",
)


def classify(error: Exception) -> tuple[int, str, str]:
    """Return (status, slug, sentence) for an exception of the database; 500 for the module's own mistakes."""
    for kinds, answer in _CLASSES:
        if isinstance(error, kinds):
            return answer
    if is_transient(error):
        return _AWAY
    return 500, "internal-error", "Something failed on our side; the log has the details."
