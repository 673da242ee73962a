"""The OpenAPI document: every operation says which problems it can answer with."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nexus_kit.problems import MEDIA_TYPE

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "urn:nexus:problem:<name>"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence for people."},
        "instance": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "trace_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                    "code": {"type": "string"},
                },
            },
        },
    },
}
_ALWAYS = {
    400: "The body cannot be read.",
    404: "There is no such thing (for this company).",
    405: "This address does not know the method.",
    409: "It conflicts with what is there.",
    413: "The body is too large.",
    422: "The values are not valid.",
    429: "Too many requests.",
    503: "Something needed is away for now; see Retry-After.",
    507: "The database has no room left.",
}
_WITH_TOKEN = {401: "The access token is missing, expired or not valid.", 403: "The permission is missing."}
_METHODS = ("get", "post", "put", "patch", "delete")


def install(app: FastAPI) -> None:
    """Replace the app's document by one with problem responses."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    components["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    _no_nul(schema)
    for path in schema.get("paths", {}).values():
        for method in _METHODS:
            if method in path:
                _document_problems(path[method])
    return schema


def _document_problems(operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    content = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if content.get("$ref", "").endswith("/HTTPValidationError"):
        del responses["422"]
    known = {**_ALWAYS, **_WITH_TOKEN} if operation.get("security") else _ALWAYS
    for status, text in known.items():
        responses.setdefault(
            str(status),
            {
                "description": text,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )


def _no_nul(node: Any) -> None:
    """Say of every free text that it holds no NUL character, which is refused everywhere."""
    if isinstance(node, list):
        for item in node:
            _no_nul(item)
    elif isinstance(node, dict):
        if node.get("type") == "string" and not node.keys() & {"format", "pattern", "enum", "const"}:
            node["pattern"] = "^[^\\u0000]*$"
        for item in node.values():
            _no_nul(item)


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """Return the documented methods of the address ``path``; a literal address counts before one with
    parameters.
    """
    paths: dict[str, Any] = app.openapi().get("paths", {})
    found = paths.get(path)
    if found is None:
        for template, operations in paths.items():
            if re.fullmatch(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(template)), path):
                found = operations
                break
    return [method.upper() for method in _METHODS if method in (found or {})]
