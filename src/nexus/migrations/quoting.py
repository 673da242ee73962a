"""Names and values as SQL writes them."""

from __future__ import annotations


def identifier(*parts: str) -> str:
    """A name, quoted whatever it is; several parts are joined by dots."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def literal(value: str | bool | None) -> str:
    """A value, whatever standard_conforming_strings says. Source: PostgreSQL's quote_literal.

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
