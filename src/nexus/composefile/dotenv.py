"""`.env` files as Compose reads them: quotes, comments, `export`, values over several lines, variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.composefile.interpolation import Lookup, TemplateError, substitute
from nexus.composefile.places import ComposeError, Fault, Place

_KEY = re.compile(r"(?:export[ \t]+)?([^\s=:#'\"][^\s=:]*)[ \t]*(?:([=:])[ \t]*|(?=\n|$))")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$$"}


@dataclass(frozen=True)
class Entry:
    """A variable of a `.env` file. A `value` of None: it stands there without `=` and no one sets it."""

    value: str | None
    at: Place
    raw: str


def read_dotenv(file: Path, lookup: Lookup) -> dict[str, Entry]:
    """Read a file; `lookup` answers for variables that it does not define. Raises ComposeError."""
    return _entries(_text(file), file, lookup)


def read_raw(file: Path) -> dict[str, Entry]:
    """Read a file whose values are taken as they stand (`format: raw`). Raises ComposeError."""
    found = {}
    for number, line in enumerate(_text(file).splitlines(), start=1):
        name, equals, value = line.partition("=")
        if equals and not name.lstrip().startswith("#"):
            found[name.strip()] = Entry(value, Place(file, number), value)
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        fault = Fault(Place(file), "", f"cannot be read ({error.strerror})", "mend its path or its rights")
        raise ComposeError([fault]) from error
    except UnicodeDecodeError as error:
        raise ComposeError([Fault(Place(file), "", "is not UTF-8 text", "save it as UTF-8")]) from error


def _entries(text: str, file: Path, lookup: Lookup) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    position = 0
    while True:
        position = _skip(text, position)
        if position >= len(text):
            return found
        at = Place(file, text.count("\n", 0, position) + 1)
        match = _KEY.match(text, position)
        if match is None:
            raise ComposeError([Fault(at, "", "is not a variable", "write NAME=value, or # for a comment")])
        name, position = match[1], match.end()
        if match[2] is None:
            found[name] = Entry(lookup(name), at, "")
            continue
        raw, quote, position = _value(text, position, at)
        found[name] = Entry(_filled(raw, quote, found, lookup, at), at, raw)


def _skip(text: str, position: int) -> int:
    """Return where the next variable begins: after blank space and comments."""
    while position < len(text):
        if text[position] == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif text[position].isspace():
            position += 1
        else:
            break
    return position


def _value(text: str, position: int, at: Place) -> tuple[str, str, int]:
    """Return the raw value, its quote and where it ends."""
    if text[position : position + 1] in ("'", '"'):
        quote = text[position]
        end = position + 1
        while end < len(text) and text[end] != quote:
            end += 2 if text[end] == "\\" else 1
        if end >= len(text):
            raise ComposeError(
                [Fault(at, "", f"a value begins with {quote} and does not end", f"add {quote}")]
            )
        line = text.find("\n", end)
        return text[position + 1 : end], quote, len(text) if line < 0 else line
    line = text.find("\n", position)
    end = len(text) if line < 0 else line
    raw = re.split(r"[ \t]+#", text[position:end], maxsplit=1)[0]
    return raw.strip(), "", end


def _filled(raw: str, quote: str, found: Mapping[str, Entry], lookup: Lookup, at: Place) -> str:
    if quote == "'":
        return raw.replace("\\'", "'")
    if quote == '"':
        raw = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), raw, flags=re.DOTALL)

    def known(name: str) -> str | None:
        value = lookup(name)
        return value if value is not None else found[name].value if name in found else None

    try:
        return substitute(raw, known)
    except TemplateError as error:
        raise ComposeError(
            [Fault(at, "", str(error), "set the variable, or write $$ for a dollar")]
        ) from error
