"""Which of two versions of a release is the older one."""

from __future__ import annotations

import re

_FORM = re.compile(r"^v?(\d+(?:\.\d+)*)(?:[-._]?([A-Za-z][\w.-]*))?(?:\+.*)?$", re.ASCII)
_AFTER = ("post", "r", "rev")  # what follows a release, as PEP 440 has it; any other word precedes it
Key = tuple[tuple[int, ...], int, tuple[tuple[int, int | str], ...]]


def at_least(version: str, wanted: str) -> bool | None:
    """Whether `version` is `wanted` or newer; None where one of them is no version, and nobody can tell.

    Numbers compare as numbers and missing ones are 0 (1.5 = 1.5.0). A pre-release (1.5.0-rc.1, 1.5rc1) is
    older than its release, and what is behind a `+` does not count.

    Source: Semantic Versioning 2.0.0, 11; PEP 440.
    """
    one, other = _key(version), _key(wanted)
    return None if one is None or other is None else one >= other


def _key(version: str) -> Key | None:
    found = _FORM.match(version.strip())
    if found is None:
        return None
    numbers = [int(each) for each in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    word = (found[2] or "").lower()
    rank = 0 if not word else 1 if re.match(rf"(?:{'|'.join(_AFTER)})\d*$", word) else -1
    return tuple(numbers), rank, tuple(_part(each) for each in re.findall(r"\d+|[a-z]+", word))


def _part(text: str) -> tuple[int, int | str]:
    """Numbers are older than words, and compare as numbers."""
    return (0, int(text)) if text.isdigit() else (1, text)
