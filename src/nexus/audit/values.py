"""What a script's variables hold, as far as its own simple assignments say: no shell is run."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ASSIGNED = re.compile(r"(?:^|[\s;])(\w+)=(\"[^\"]*\"|'[^']*'|(?:\$\([^)]*\)|[^\s;&|])+)")


def assignments(lines: Iterable[str]) -> dict[str, str]:
    """Return the first value that each variable is given; `${NAME:-default}` counts as its default."""
    found: dict[str, str] = {}
    for line in lines:
        for name, value in _ASSIGNED.findall(line):
            found.setdefault(name, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value.strip("\"'")))
    return found


def filled(text: str, values: dict[str, str]) -> str:
    """Fill the known variables into a text, values inside values too."""
    for _ in range(4):
        text = re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda m: values.get(m[1] or m[2], m[0]), text)
    return text
