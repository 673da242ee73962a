"""Fill variables into texts: `$NAME`, `${NAME}`, defaults, alternatives and requirements, nested."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Lookup = Callable[[str], str | None]

_NAME = r"[_a-zA-Z][_a-zA-Z0-9]*"
_PATTERN = re.compile(
    rf"\$(?:(?P<escaped>\$)|(?P<named>{_NAME})"
    rf"|\{{(?:(?P<braced>{_NAME}(?::?[-+?].*)?)\}}|(?P<invalid>)))"
)
_BRACED = re.compile(rf"({_NAME})(?:(:?[-+?])(.*))?", re.DOTALL)


class TemplateError(ValueError):
    """A text whose variables cannot be filled in; the message says why."""


class RequiredError(TemplateError):
    """A variable that must have a value has none."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"the required variable {name} has no value" + (f" ({reason})" if reason else ""))


@dataclass(frozen=True)
class Use:
    """One use of a variable in a text. `operator` is one of `` (plain) :- - :? ? :+ +."""

    name: str
    operator: str = ""
    operand: str = ""


def substitute(text: str, lookup: Lookup) -> str:
    """Return the text with its variables filled in. Raises TemplateError."""
    return _PATTERN.sub(lambda match: _replacement(match, lookup), text)


def uses(text: str) -> tuple[Use, ...]:
    """Return every variable a text names, those in defaults included, in order."""
    found: list[Use] = []
    for match in _PATTERN.finditer(text):
        if match["named"]:
            found.append(Use(match["named"]))
        elif match["braced"]:
            expression, rest = _split(match[0])
            parts = _BRACED.fullmatch(expression)
            if parts is not None:
                found.append(Use(parts[1], parts[2] or "", parts[3] or ""))
                found.extend(uses(parts[3] or ""))
            found.extend(uses(rest))
    return tuple(found)


def _replacement(match: re.Match[str], lookup: Lookup) -> str:
    if match["escaped"]:
        return "$"
    if match["named"]:
        return lookup(match["named"]) or ""
    if match["braced"] is None:
        raise TemplateError("a `${` does not begin a variable's name that ends with `}`")
    expression, rest = _split(match[0])
    parts = _BRACED.fullmatch(expression)
    if parts is None:
        raise TemplateError(f"`${{{expression}}}` is no variable with a default")
    return _value(parts, lookup) + substitute(rest, lookup)


def _value(parts: re.Match[str], lookup: Lookup) -> str:
    name, operator, operand = parts[1], parts[2] or "", parts[3] or ""
    filled = substitute(operand, lookup)  # first, as in Compose: what it requires must be set in any case
    value = lookup(name)
    present = value is not None and (value != "" or not operator.startswith(":"))
    if operator.endswith("+"):
        return filled if present else ""
    if present or not operator:
        return value or ""
    if operator.endswith("?"):
        raise RequiredError(name, filled)
    return filled


def _split(text: str) -> tuple[str, str]:
    """Return what stands in the braces that `text` begins with, and what follows them.

    A brace right after an opening one is not counted, as in Compose: `${A:-{}}` is `{}` without A.
    """
    depth = position = 0
    while position < len(text):
        if text[position] == "}":
            depth -= 1
            if depth == 0:
                return text[2:position], text[position + 1 :]
        if text[position] == "{":
            depth += 1
            position += 1
        position += 1
    return text[2:-1], ""
