"""In which order migrations of a folder are applied: by their names, as each format compares them.

Prisma sorts with JavaScript's `localeCompare`, which is the root collation of Unicode (UTS #10 with CLDR's
order of punctuation): base characters first, then accents, then lower before upper case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

from nexus.migrations.migration import Format

_PUNCTUATION = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"  # CLDR's order
_ACCENTS = (  # in DUCET's order
    "\u0332\u0301\u0300\u0306\u0302\u030c\u030a\u0308\u030b\u0303\u0307"
    "\u0338\u0327\u0328\u0304\u0335\u0323\u0326"
)
_JOINED = str.maketrans(  # letters that sort as plain ones with a stroke, or with a joint between them
    {"ø": "o\u0338", "Ø": "O\u0338", "ł": "l\u0335", "Ł": "L\u0335", "đ": "d\u0335", "Đ": "D\u0335"}
    | {"æ": "a\ue000e", "Æ": "A\ue000E", "œ": "o\ue000e", "Œ": "O\ue000E", "ß": "s\ue000s", "ẞ": "S\ue000S"}
)
_SPACE, _SIGN, _DIGIT, _LETTER = range(4)
_LOWER, _UPPER = 0, 1
_FLYWAY = re.compile(r"V(\d+(?:[._]\d+)*)__")
_NUMBER = re.compile(r"(\d+)")


def order_of(format: Format) -> Callable[[str], Any]:
    """The sort key of names in a format.

    Prisma's: as `localeCompare`. Plain SQL: by the number they begin with, or by Flyway's version
    (`V1.2__name`: each part is a number, `1.10` comes after `1.9`, and `1.0` is `1`), then by name.
    """
    return by_number if format == "sql" else by_locale


@cache
def by_locale(name: str) -> Any:
    """Sorts names as `localeCompare` does; names equal to it, by code points."""
    base: list[tuple[int, int]] = []
    accents: list[int] = []
    cases: list[int] = []
    for character in unicodedata.normalize("NFD", name).translate(_JOINED):
        accent, place, case = _weights(character)
        accents.append(accent)
        if not accent:
            base.append(place)
            cases.append(case)
    return tuple(base), tuple(accents), tuple(cases), name


@cache
def by_number(name: str) -> Any:
    """Sorts names by their leading number or version; those without one come last."""
    version = version_of(name)
    return version is None, version or (), by_locale(name)


def version_of(name: str) -> tuple[int, ...] | None:
    """The number or version that a name begins with, without trailing zeros; None: there is none."""
    flyway = _FLYWAY.match(name)
    if flyway:
        parts = [int(part) for part in re.split(r"[._]", flyway[1])]
        while len(parts) > 1 and parts[-1] == 0:
            parts.pop()
        return tuple(parts)
    number = _NUMBER.match(name)
    return (int(number[1]),) if number else None


@cache
def _weights(character: str) -> tuple[int, tuple[int, int], int]:
    """Its accent, 0 for a base character; and of one such, its place and case."""
    if unicodedata.combining(character) or character == "\ue000":
        known = _ACCENTS.find(character)
        return 1 + known if known >= 0 else 1 + ord(character), (0, 0), _LOWER
    return 0, _base(character), _UPPER if character != character.lower() else _LOWER


def _base(character: str) -> tuple[int, int]:
    if character.isspace():
        return _SPACE, ord(character)
    if character in _PUNCTUATION:
        return _SIGN, _PUNCTUATION.index(character)
    if character.isdigit():
        return _DIGIT, unicodedata.digit(character, 0)
    return _LETTER, ord(character.lower()[0])
