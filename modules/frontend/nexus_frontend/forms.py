"""What a person sent with a form."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import parse_qsl
from uuid import uuid4

from fastapi import Request
from starlette.exceptions import HTTPException

from nexus_frontend.formats import parse_decimal

LIMIT = 256 * 1024  # bytes
FIELDS = 3000


class Form:
    """Fields of a URL-encoded form, in the order they came. Reads never fail: absent fields are empty."""

    def __init__(self, pairs: list[tuple[str, str]] | None = None, language: str = "pt-BR") -> None:
        self._pairs = pairs or []
        self._language = language

    def text(self, name: str, default: str = "") -> str:
        """A field without surrounding blanks; the last one when it came more than once."""
        return next((value.strip() for key, value in reversed(self._pairs) if key == name), default)

    def raw(self, name: str) -> str:
        """A field as typed: for passwords."""
        return next((value for key, value in reversed(self._pairs) if key == name), "")

    def all(self, name: str) -> list[str]:
        """Each value of a field that may come many times (rows, checkboxes)."""
        return [value.strip() for key, value in self._pairs if key == name]

    def fields(self, *names: str) -> dict[str, str | None]:
        """Several fields as a JSON body wants them: what is blank is null."""
        return {name: self.text(name) or None for name in names}

    def renew_key(self) -> None:
        """Give the form a fresh idempotency key: what follows is a second write."""
        self._pairs.append(("key", uuid4().hex))

    def decimal(self, name: str) -> Decimal | None:
        """A number as people type it, or None when it is none."""
        return parse_decimal(self.text(name), self._language)

    def rows(self, *names: str) -> list[dict[str, str]]:
        """Rows of a table whose columns are repeated fields; rows with nothing typed are left out."""
        columns = [self.all(name) for name in names]
        rows = [dict(zip(names, values, strict=False)) for values in zip(*columns, strict=False)]
        return [row for row in rows if any(row.values())]


async def read_form(request: Request, language: str) -> Form:
    """The request's form. 413 when it is too large, 415 when it is not URL-encoded."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LIMIT:
            raise HTTPException(413, "The form is too large.")
    if body and kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "Forms must be URL-encoded.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError as error:
        raise HTTPException(400, "The form cannot be read.") from error
    return Form(pairs, language)
