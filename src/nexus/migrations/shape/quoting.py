"""Names and texts as SQL writes them."""

from __future__ import annotations

import re

from pglast.keywords import COL_NAME_KEYWORDS, RESERVED_KEYWORDS, TYPE_FUNC_NAME_KEYWORDS

from nexus.migrations.quoting import identifier

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
_KEYWORDS = RESERVED_KEYWORDS | COL_NAME_KEYWORDS | TYPE_FUNC_NAME_KEYWORDS


def name(*parts: str) -> str:
    """A name, quoted where it must be; several parts are joined by dots."""
    return ".".join(_quoted(each) for each in parts)


def role(told: str) -> str:
    """A role; PUBLIC is everybody."""
    return told if told == "PUBLIC" else name(told)


def _quoted(part: str) -> str:
    if _PLAIN.fullmatch(part) and part not in _KEYWORDS:
        return part
    return identifier(part)
