"""Conditions on rows as they lie in the files: SQL, and the values that go with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.store.lifting import lifted_back, literal

_TRACE = re.compile(r"^[0-9a-f]{32}$")
_SPECIAL = set(r"\.^$|?*+()[]{}")
_QUANTIFIER = "?*{+"
_PLAIN_KEY = re.compile(r"[^\"\\]+")


@dataclass
class Conditions:
    """All must hold. `values` are the statement's parameters, in order."""

    parts: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, sql: str, *values: Any) -> None:
        """One more."""
        self.parts.append(f"({sql})")
        self.values.extend(values)

    @property
    def where(self) -> str:
        """The WHERE clause."""
        return f" WHERE {' AND '.join(self.parts)}" if self.parts else ""


def within(conditions: Conditions, since: datetime | None, until: datetime | None) -> None:
    """Rows with `time` in [since, until)."""
    for bound, sign in ((since, ">="), (until, "<")):
        if bound:
            conditions.add(f"time {sign} ?", bound.astimezone(UTC).replace(tzinfo=None))


def one_of(conditions: Conditions, column: str, values: Iterable[str]) -> None:
    """Rows whose column has one of the values; no values: any."""
    if chosen := list(values):
        conditions.add(f"list_contains(?::VARCHAR[], {column})", chosen)


def trace_id(text: str) -> str:
    """A trace id in the form in which it is asked for. Raises QueryError."""
    plain = text.strip().lower().replace("-", "")
    if not _TRACE.match(plain):
        raise QueryError(f"{text!r} is no trace id: 32 hexadecimal digits")
    return plain


def contains(conditions: Conditions, needle: str) -> None:
    """Log lines whose path, attributes or body contains `needle`."""
    piece = literal(needle)
    if piece:
        conditions.add("raw OR contains(text, ?)", piece)
    if piece != needle:
        conditions.add(f"contains({lifted_back()}, ?)", needle)


def matches(conditions: Conditions, pattern: str) -> None:
    """Log lines with a line of path, attributes or body that the RE2 regexp matches."""
    piece = literal(_required(pattern))
    if piece:
        conditions.add("raw OR contains(text, ?)", piece)
    conditions.add(f"regexp_matches({lifted_back()}, ?)", f"(?m){pattern}")


def _required(pattern: str) -> str:
    """The longest text that every match contains, as far as is easily seen ("": none)."""
    if any(sign in pattern for sign in "|([\\"):
        return pattern if not _SPECIAL & set(pattern) else ""
    pieces, piece = [""], ""
    for character, following in zip(pattern, pattern[1:] + " ", strict=True):
        if character in _SPECIAL or following in _QUANTIFIER:
            pieces.append(piece)
            piece = ""
        else:
            piece += character
    return max([*pieces, piece], key=len)


def attribute(conditions: Conditions, text: str, whole: str, field: str, value: str) -> None:
    """Rows whose JSON (`whole`; it lies as `text`) has the value under a key, be it text, number or truth."""
    if not _PLAIN_KEY.fullmatch(field):
        raise QueryError(f"{field!r} is no name of an attribute")
    conditions.add(f"contains({text}, ?)", f'"{field}":')
    conditions.add(f"json_extract_string({whole}, ?) = ?", f'$."{field}"', value)
