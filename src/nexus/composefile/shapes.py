"""What may stand where: a small language of shapes, and the check of a node against one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nexus.composefile.nodes import Date, Fields, Items, Leaf, Node, spelled
from nexus.composefile.places import suggest
from nexus.composefile.scope import Scope

_NAMES = re.compile(r"[a-zA-Z0-9._-]+")
_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float, str),
    "whole": (int, str),
    "flag": (bool, str),
    "port": (int, float, str),
    "nullable": (str, int, float, bool, type(None)),
    "nothing": (type(None),),
}
_WORDS = {
    "text": "a text",
    "number": "a number",
    "whole": "a whole number",
    "flag": "true or false",
    "port": "a number or a text",
    "nullable": "a single value",
    "nothing": "nothing",
}


@dataclass(frozen=True)
class One:
    """A single value of one of the types above; `among` lists the only texts allowed."""

    kind: str
    among: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListOf:
    """A list; `unique` refuses equal items."""

    item: Shape
    unique: bool = False


@dataclass(frozen=True)
class MapOf:
    """A mapping with free keys. `named` restricts them to what can be a service's name."""

    value: Shape
    named: bool = False


@dataclass(frozen=True)
class Record:
    """A mapping with known keys (and `x-...`)."""

    fields: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    free: bool = False


@dataclass(frozen=True)
class AnyOf:
    """One of several shapes, at most one for each of: single value, list, mapping."""

    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Anything:
    """Not checked."""


Shape = One | ListOf | MapOf | Record | AnyOf | Anything


def check(node: Node, shape: Shape, scope: Scope, where: str = "") -> bool:
    """Record every fault below a node; return whether there is none."""
    if node.mark == "reset" or isinstance(shape, Anything):
        return True
    chosen = _chosen(node, shape)
    if chosen is None:
        scope.fault(node, where, f"is {spelled(node)}", f"write {_expected(shape)}")
        return False
    if isinstance(node, Items) and isinstance(chosen, ListOf):
        return _items(node, chosen, scope, where)
    if isinstance(node, Fields) and isinstance(chosen, MapOf):
        return _free_fields(node, chosen, scope, where)
    if isinstance(node, Fields) and isinstance(chosen, Record):
        return _known_fields(node, chosen, scope, where)
    among = chosen.among if isinstance(chosen, One) else ()
    if isinstance(node, Leaf) and among and node.value not in among:
        scope.fault(node, where, f"{node.value!r} is unknown here", suggest(str(node.value), among))
        return False
    return True


def _chosen(node: Node, shape: Shape) -> Shape | None:
    """Return the shape that fits the node's outer type, None when none does."""
    if isinstance(shape, AnyOf):
        return next((found for each in shape.shapes if (found := _chosen(node, each))), None)
    fits: bool
    if isinstance(shape, One):
        fits = isinstance(node, Leaf) and _is(node, shape.kind)
    elif isinstance(shape, ListOf):
        fits = isinstance(node, Items)
    else:
        fits = isinstance(node, Fields)
    return shape if fits else None


def _is(node: Leaf, kind: str) -> bool:
    if isinstance(node.value, Date):
        return False
    if isinstance(node.value, bool) and kind not in ("flag", "nullable"):
        return False
    return isinstance(node.value, _TYPES[kind])


def _expected(shape: Shape) -> str:
    if isinstance(shape, AnyOf):
        words = dict.fromkeys(_expected(each) for each in shape.shapes if each != One("nothing"))
        return " or ".join(words)
    if isinstance(shape, One):
        return _WORDS[shape.kind]
    return "a list" if isinstance(shape, ListOf) else "a mapping"


def _items(node: Items, shape: ListOf, scope: Scope, where: str) -> bool:
    good = [check(item, shape.item, scope, f"{where}.{i}") for i, item in enumerate(node.items)]
    seen: set[object] = set()
    for index, item in enumerate(node.items):
        if shape.unique and isinstance(item, Leaf):
            if item.value in seen:
                scope.fault(item, f"{where}.{index}", f"{item.value!r} stands here twice", "remove one")
                good.append(False)
            seen.add(item.value)
    return all(good)


def _free_fields(node: Fields, shape: MapOf, scope: Scope, where: str) -> bool:
    good = []
    for key, child in node.entries.items():
        if shape.named and key.startswith("x-"):
            continue
        if shape.named and not _NAMES.fullmatch(key):
            scope.fault(
                child, _below(where, key), "is no name", "use letters, digits, dots, dashes, underscores"
            )
            good.append(False)
            continue
        good.append(check(child, shape.value, scope, _below(where, key)))
    return all(good)


def _known_fields(node: Fields, shape: Record, scope: Scope, where: str) -> bool:
    good = []
    for key, child in node.entries.items():
        if key in shape.fields:
            good.append(check(child, shape.fields[key], scope, _below(where, key)))
        elif not key.startswith("x-") and not shape.free:
            scope.fault(child, _below(where, key), "is not a known key", suggest(key, shape.fields))
            good.append(False)
    for key in shape.required:
        if key not in node.entries:
            scope.fault(node, _below(where, key), "is missing", "add it")
            good.append(False)
    return all(good)


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
