"""Variables of a probe: put into requests, taken out of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from nexus.stack.probe import VARIABLE

_GONE = object()


class MissingError(LookupError):
    """An answer has nothing at a path; the text says so."""


def fill(value: Any, known: Mapping[str, Any]) -> Any:
    """`value` with its variables replaced. A text that is nothing but a variable becomes the value itself."""
    if isinstance(value, str):
        whole = VARIABLE.fullmatch(value)
        if whole:
            return known[whole[1]]
        return VARIABLE.sub(lambda found: str(known[found[1]]), value)
    if isinstance(value, Mapping):
        return {key: fill(each, known) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [fill(each, known) for each in value]
    return value


def fill_path(path: str, known: Mapping[str, Any]) -> str:
    """A request's path with its variables replaced; each stays within its segment."""
    return VARIABLE.sub(lambda found: quote(str(known[found[1]]), safe=""), path)


def pick(answer: Any, path: str) -> Any:
    """What stands at `items.0.id` in an answer. Raises MissingError."""
    found = answer
    for key in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(key, _GONE)
        elif isinstance(found, list) and key.isdigit():
            found = found[int(key)] if int(key) < len(found) else _GONE
        else:
            found = _GONE
        if found is _GONE:
            raise MissingError(f"an answer without {path}")
    return found
