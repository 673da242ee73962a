"""Fill variables into texts: `$NAME`, `${NAME}`, defaults, alternatives and requirements, nested."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Lookup = Callable[[str], str | None]

MOST_DEPTH = 50
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
    return _substitute(text, lookup, 0)


def uses(text: str, depth: int = 0) -> tuple[Use, ...]:
    """Return every variable a text names, those in defaults included, in order."""
    found: list[Use] = []
    while depth <= MOST_DEPTH and (match := _PATTERN.search(text)):
        following = text[match.end() :]
        if match["named"]:
            found.append(Use(match["named"]))
        elif match["braced"]:
            expression, rest = _split(match[0])
            parts = _BRACED.fullmatch(expression)
            if parts is not None:
                found.append(Use(parts[1], parts[2] or "", parts[3] or ""))
                found.extend(uses(parts[3] or "", depth + 1))
            following = rest + following
        text = following
    return tuple(found)


def _substitute(text: str, lookup: Lookup, depth: int) -> str:
    if depth > MOST_DEPTH:
        raise TemplateError("its defaults are nested too deeply")
    done: list[str] = []
    while match := _PATTERN.search(text):
        value, rest = _replacement(match, lookup, depth)
        done += [text[: match.start()], value]
        text = rest + text[match.end() :]
    return "".join((*done, text))


def _replacement(match: re.Match[str], lookup: Lookup, depth: int) -> tuple[str, str]:
    """Return what stands for a variable, and what of the match is still to be filled in."""
    if match["escaped"]:
        return "$", ""
    if match["named"]:
        return lookup(match["named"]) or "", ""
    if match["braced"] is None:
        raise TemplateError("a `${` does not begin a variable's name that ends with `}`")
    expression, rest = _split(match[0])
    parts = _BRACED.fullmatch(expression)
    if parts is None:
        raise TemplateError(f"`${{{expression}}}` is no variable with a default")
    return _value(parts, lookup, depth), rest


def _value(parts: re.Match[str], lookup: Lookup, depth: int) -> str:
    name, operator, operand = parts[1], parts[2] or "", parts[3] or ""
    filled = _substitute(operand, lookup, depth + 1)  # as Compose does, even where it is not used
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
