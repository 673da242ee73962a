"""Conditions on rows as they lie in the files: SQL, and the values that go with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.store.lifting import ids, in_lifted, lifted_back, literal, runs

_TRACE = re.compile(r"^[0-9a-f]{32}$")
# What may be left out, or be read in another way, such as (?i) and \x41.
_CHOICE = re.compile(r"[|(]|\\[^dDwWsSbBAz\W]")
# What stands for other text than itself: classes, escapes, signs; and a character with its quantifier.
_LOOSE = re.compile(r"(?:\[\^?\]?[^\]]*\]|\\.|[^\\*+?{}])[*+?{][0-9,}]*\??|\[\^?\]?[^\]]*\]|\\.|[\^$.*+?{}]")
_HEX = re.compile(r"[0-9a-f]+")
_IN_LIFTED = in_lifted("?")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")
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
    if literal(needle) == needle:
        conditions.add("contains(text, ?)", needle)
    elif _HEX.fullmatch(needle):
        conditions.add(_IN_LIFTED, *[needle] * _IN_LIFTED.count("?"))
    else:
        sql, values = _coarse(needle)
        conditions.add(_checked(sql, f"contains({lifted_back()}, ?)"), *values, needle)


def matches(conditions: Conditions, pattern: str) -> None:
    """Log lines with a line of path, attributes or body that the RE2 regexp matches."""
    sql, values = _coarse(_required(pattern))
    conditions.add(_checked(sql, f"regexp_matches({lifted_back()}, ?)"), *values, f"(?m){pattern}")


def check_regexp(cursor: duckdb.DuckDBPyConnection, pattern: str) -> None:
    """Raises QueryError when the pattern is no RE2 regexp."""
    try:
        cursor.execute("SELECT regexp_matches('', ?)", [f"(?m){pattern}"]).fetchall()
    except duckdb.Error as error:
        raise QueryError(f"{pattern!r} is no regexp: {str(error).splitlines()[0]}") from error


def _checked(coarse: str, exact: str) -> str:
    """SQL that asks the dear question only where the cheap one says yes."""
    return f"CASE WHEN {coarse} THEN {exact} ELSE false END"


def _coarse(needle: str) -> tuple[str, list[str]]:
    """Cheap SQL that is true for every line that contains `needle` and for some others, and its values."""
    parts, values = [], []
    if piece := literal(needle):
        parts.append("contains(text, ?)")
        values.append(piece)
    for found in ids(needle):
        columns = ("uuid",) if "-" in found else ("trace_id", "hex", "second")
        lifted = " OR ".join(f"coalesce({column} = ?::UUID, false)" for column in columns)
        parts.append(f"({lifted} OR contains(text, ?))")
        values += [found] * (len(columns) + 1)
    for run in runs(needle):
        parts.append(_IN_LIFTED)
        values += [run] * _IN_LIFTED.count("?")
    return f"(raw OR ({' AND '.join(parts) or 'true'}))", values


def _required(pattern: str) -> str:
    """The longest text that every match of a regexp contains, as far as is easily seen ("": none)."""
    if _CHOICE.search(pattern):
        return ""
    return max(re.split("\0+", _LOOSE.sub("\0", pattern)), key=len)


def log_attribute(conditions: Conditions, field: str, value: str) -> None:
    """Log lines that have the value under an attribute's name, be it text, number or truth."""
    coarse, values = _coarse(_safe(value))
    if _NUMBER.fullmatch(value):
        coarse, values = "(raw OR list_contains(numbers, ?::BIGINT) OR contains(text, ?))", [value, value]
    whole = f"split_part({lifted_back()}, '\n', 2)"
    sql = f"raw OR contains(text, ?)) AND {coarse}"
    conditions.add(_checked(f"({sql}", has_attribute(whole)), _quoted(field), *values, _key(field), value)


def has_attribute(whole: str) -> str:
    """SQL that compares what the JSON text `whole` has under a path (first value) with the second value."""
    return f"coalesce(json_extract_string({whole}, ?) = ?, false)"


def attribute(conditions: Conditions, text: str, field: str, value: str) -> None:
    """Rows whose column `text` of JSON has the value under a key, be it text, number or truth."""
    exact = has_attribute(text)
    conditions.add(_checked(f"contains({text}, ?)", exact), _quoted(field), _key(field), value)


def _quoted(field: str) -> str:
    if not _PLAIN_KEY.fullmatch(field):
        raise QueryError(f"{field!r} is no name of an attribute")
    return f'"{field}":'


def _key(field: str) -> str:
    return f'$."{field}"'


def _safe(value: str) -> str:
    """The longest piece of a text that JSON writes as it is."""
    return max(re.split(r"[^ !#-\[\]-~]", value), key=len)
