"""A YAML document as values that know their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from nexus.composefile.places import Place

Plain = str | int | float | bool | None
Mark = Literal["", "reset", "override"]


class Date(str):
    """An unquoted date. YAML makes a point in time of it, so Compose takes it for no text."""


@dataclass(frozen=True)
class Leaf:
    """One value. `raw` is how it was written, before variables were filled in."""

    value: Plain
    at: Place
    raw: str = ""
    mark: Mark = ""


@dataclass(frozen=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    at: Place
    mark: Mark = ""


@dataclass(frozen=True)
class Fields:
    """A mapping. The place of a value in it is the line of its key."""

    entries: Mapping[str, Node] = field(hash=False)
    at: Place
    mark: Mark = ""

    def get(self, key: str) -> Node | None:
        return self.entries.get(key)


Node = Leaf | Items | Fields


def spelled(node: Node) -> str:
    """Return a name for the type of a node, for messages."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Fields):
        return "a mapping"
    names = {
        str: "a text",
        Date: "an unquoted date",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(node.value), "nothing")


def text_of(value: Plain) -> str:
    """Return a value as Compose writes it into an environment."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    return "" if value is None else str(value)


def _float_text(value: float) -> str:
    """Shortest digits, with an exponent below 1e-4 and from 1e6 on."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[repr(value)]
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) + int(exponent) - 1 if value else 0
    if -4 <= power < 6:
        return f"{Decimal(repr(value)).normalize():f}"
    mantissa = f"{digits[0]}.{''.join(map(str, digits[1:]))}".rstrip(".")
    return f"{'-' * sign}{mantissa}e{power:+03d}"


def plain(node: Node) -> Any:
    """Return a node as plain lists, dictionaries and values."""
    if isinstance(node, Fields):
        return {key: plain(child) for key, child in node.entries.items()}
    if isinstance(node, Items):
        return [plain(child) for child in node.items]
    return node.value
