"""SQL with its values written into it, so that several statements are sent at once.

PostgreSQL takes parameters for one statement at a time; each would be a way to the server and back.
"""

from __future__ import annotations

import re

_PARAMETER = re.compile(r"\$(\d+)")


def bound(sql: str, *values: str | bool | None) -> str:
    """`sql` with `$1`, `$2` … replaced by its values as literals; `sql` itself holds no other `$`."""
    return _PARAMETER.sub(lambda match: literal(values[int(match[1]) - 1]), sql)


def literal(value: str | bool | None) -> str:
    """A value as SQL, whatever standard_conforming_strings says. Source: PostgreSQL's quote_literal.

    Raises:
        ValueError: a text with a NUL, which no text of PostgreSQL holds.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if "\0" in value:
        raise ValueError("a text for PostgreSQL holds no NUL")
    text = value.replace("'", "''")
    return "E'" + text.replace("\\", "\\\\") + "'" if "\\" in text else f"'{text}'"
