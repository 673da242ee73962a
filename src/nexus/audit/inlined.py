"""Passwords inside longer texts: connection strings, options of programs, arguments of commands."""

from __future__ import annotations

import re

_VALUE = r"""(?P<secret>[^\s"'`&;,|<>(){}$/\\=-][^\s"'`&;|<>(){}$]*+)(?!\$)"""
_PATTERNS = tuple(
    re.compile(before + _VALUE, re.IGNORECASE)
    for before in (
        r"""(?:^|[?&;,\s"']|-D)[\w.-]*(?:password|passwd|pwd)\s*=\s*["']?""",
        r"""(?<![\w-])--?+(?!no-)(?:[\w-]+-)?(?:password|passwd|requirepass|masterauth)(?:\s+|=)["']?""",
        r"""\b(?:redis|valkey)-cli\b[^|;&]*?\s(?:-a|--pass)\s+["']?""",
        r"""\b(?:mysql(?:dump|admin|pump)?|mariadb(?:-dump|-admin)?|xtrabackup|mariabackup)\b(?![^\s])"""
        r"""[^|;&]*?\s-p(?!\s)["']?""",
        r"""\bmongo(?:sh|dump|restore)?\b[^|;&]*?\s-p\s+["']?""",
        r"""\bsshpass\s+-p\s*["']?""",
    )
)
_IN_URL = re.compile(r"://[^:/@\s]+:(?P<secret>[^@/\s$]+)@")


def in_url(text: str) -> str:
    """Return the password of the first URL in a text; empty when it has none, or a variable."""
    match = _IN_URL.search(text)
    return match["secret"] if match else ""


def inlined(text: str) -> str:
    """Return the first password that stands in a text, in a URL or beside its name; else an empty text."""
    found = _spans(text)
    return text[slice(*found[0])] if found else ""


def rewritten(text: str, secret: str, reference: str) -> str:
    """Return a text that shows no password: a reference in the place of one, stars in that of others."""
    for start, end in reversed(_spans(text)):
        text = text[:start] + (reference if text[start:end] == secret else "***") + text[end:]
    return text.replace(secret, reference) if len(secret) > 8 else text


def _spans(text: str) -> list[tuple[int, int]]:
    """Where passwords stand, URLs first, none over another."""
    found: list[tuple[int, int]] = []
    for pattern in (_IN_URL, *_PATTERNS):
        for match in pattern.finditer(text):
            start, end = match.span("secret")
            if all(end <= first or last <= start for first, last in found):
                found.append((start, end))
    return sorted(found)
