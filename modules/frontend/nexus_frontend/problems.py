"""What can go wrong between the application and the modules behind the gateway.

Trouble
├── ApiProblem      the module refused: problem+json, shown beside the field or as a notice
├── BrickDown       the module does not answer, or is not part of this stack
└── SignInNeeded    no session, or it has ended
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Trouble(Exception):
    """Base of all that an API call may raise."""


class SignInNeeded(Trouble):
    """The session is missing or over; the person must log in again."""


class BrickDown(Trouble):
    """A module is switched off (off=True) or does not answer."""

    def __init__(self, brick: str, *, off: bool = False) -> None:
        super().__init__(f"{brick} is {'off' if off else 'not answering'}")
        self.brick = brick
        self.off = off


class ApiProblem(Trouble):
    """A module's refusal.

    status: HTTP status. slug: last part of the problem's type. detail: sentence for people.
    fields: message by field name, for forms.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.slug = str(body.get("type") or "").rstrip("/").rpartition("/")[2].rpartition(":")[2]
        self.title = str(body.get("title") or "")
        self.detail = str(body.get("detail") or self.title or f"HTTP {status}")
        self.request_id = str(body.get("request_id") or "")
        self.extra = dict(body)
        self.fields = _fields(body, self.detail)
        super().__init__(f"{status} {self.slug}: {self.detail}")


def _fields(body: Mapping[str, Any], detail: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    if isinstance(body.get("field"), str):
        fields[body["field"]] = detail
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if not isinstance(error, Mapping):
            continue
        where = error.get("field") or error.get("loc") or ""
        parts = [str(part) for part in where] if isinstance(where, list | tuple) else str(where).split(".")
        if len(parts) > 1 and parts[0] in ("body", "query", "path"):
            parts = parts[1:]
        message = error.get("message") or error.get("msg") or error.get("detail") or detail
        fields.setdefault(".".join(parts), str(message))
    return fields
