"""JSON Schema and OpenAPI's dialects of it, reduced to the kinds of value that a place may hold.

`$ref`, `allOf`, `anyOf`, `oneOf`, lists of types and `nullable` (OpenAPI 3.0) are resolved; what only narrows
the values of one type further (patterns, `not`, conditions) is not looked at.
Sources: JSON Schema 2020-12, OpenAPI 3.0.4 (4.7.24) and 3.1.1 (4.8.24).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

ANY = "any"
DEEPEST = 24
BOUNDS = (
    "minimum",
    "exclusiveMinimum",
    "minLength",
    "minItems",
    "maximum",
    "exclusiveMaximum",
    "maxLength",
    "maxItems",
)
_CONSTRAINTS = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "format", *BOUNDS,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Schema:
    """A schema within its document, which `$ref` points into."""

    node: Any
    document: Mapping[str, Any]

    def kinds(self, depth: int = 0) -> tuple[Kind, ...]:
        """Every kind of value that is allowed; none when nothing is."""
        if depth > DEEPEST:
            return (Kind(ANY),)
        node = self.node
        if not isinstance(node, Mapping):
            return () if node is False else (Kind(ANY),)
        own = {key: value for key, value in node.items() if key in _CONSTRAINTS}
        choices = [_own(own, self.document)] if own else []
        if "$ref" in node:
            choices.append(self._at(_target(node["$ref"], self.document)).kinds(depth + 1))
        choices += [self._at(part).kinds(depth + 1) for part in node.get("allOf", ())]
        for word in ("anyOf", "oneOf"):
            if word in node:
                parts = [self._at(part).kinds(depth + 1) for part in node[word]]
                choices.append(tuple(itertools.chain.from_iterable(parts)))
        found = _all_of(choices) if choices else (Kind(ANY),)
        return (*found, Kind("null")) if node.get("nullable") is True else found

    def _at(self, node: Any) -> Schema:
        return Schema(node, self.document)


@dataclass(frozen=True)
class Kind:
    """Values of one JSON type. `values`: the only ones, as JSON texts (None = all). `others`: what fields
    without a name hold (None = nothing is said of them).
    """

    type: str
    format: str = ""
    values: frozenset[str] | None = None
    fields: Mapping[str, Schema] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    others: Schema | bool | None = None
    items: Schema | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """`string (date)`."""
        return f"{self.type} ({self.format})" if self.format else self.type


def _target(reference: str, document: Mapping[str, Any]) -> Any:
    """What a reference within the document points to (RFC 6901); anything, when it points nowhere."""
    node: Any = document
    for part in reference.removeprefix("#").strip("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, Mapping) or key not in node:
            return {}
        node = node[key]
    return node


def _own(node: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[Kind, ...]:
    values = [node["const"]] if "const" in node else node.get("enum")
    types = _types(node, values)
    return tuple(_kind(name, node, values, document) for name in types)


def _types(node: Mapping[str, Any], values: Iterable[Any] | None) -> list[str]:
    said = node.get("type")
    if said is not None:
        return [said] if isinstance(said, str) else list(said)
    if values is not None:
        return sorted({type_of(value) for value in values})
    if node.keys() & {"properties", "required", "additionalProperties"}:
        return ["object"]
    return ["array"] if "items" in node else [ANY]


def _kind(name: str, node: Mapping[str, Any], values: Any, document: Mapping[str, Any]) -> Kind:
    allowed = None
    if values is not None:
        fitting = (value for value in values if name == ANY or _fits(type_of(value), name))
        allowed = frozenset(json.dumps(value, ensure_ascii=False, sort_keys=True) for value in fitting)
    kind = Kind(name, values=None if name == "null" else allowed)
    if name == "object":
        others = node.get("additionalProperties")
        return replace(
            kind,
            fields={key: Schema(value, document) for key, value in node.get("properties", {}).items()},
            required=frozenset(node.get("required", ())),
            others=others if isinstance(others, bool) or others is None else Schema(others, document),
        )
    if name == "array":
        return replace(kind, items=Schema(node.get("items", {}), document), bounds=_bounds(node))
    if name in ("string", "integer", "number"):
        return replace(kind, format=str(node.get("format", "")), bounds=_bounds(node))
    return kind


def type_of(value: Any) -> str:
    """The JSON type of a value."""
    for known, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string")):
        if isinstance(value, known):
            return name
    if value is None:
        return "null"
    return "object" if isinstance(value, Mapping) else "array"


def _fits(name: str, wanted: str) -> bool:
    return name == wanted or (name == "integer" and wanted == "number")


def _bounds(node: Mapping[str, Any]) -> dict[str, float]:
    numbers = ((key, node.get(key)) for key in BOUNDS)
    return {key: value for key, value in numbers if isinstance(value, int | float) and value is not True}


def _all_of(choices: list[tuple[Kind, ...]]) -> tuple[Kind, ...]:
    merged = choices[0]
    for further in choices[1:]:
        pairs = itertools.product(merged, further)
        merged = tuple(kind for one, other in pairs if (kind := _both(one, other)) is not None)
    return merged


def _both(one: Kind, other: Kind) -> Kind | None:
    """The values that are of both kinds; None when there are none."""
    if ANY in (one.type, other.type):
        named, free = (other, one) if one.type == ANY else (one, other)
        return replace(named, values=_common(named.values, free.values))
    if not (_fits(one.type, other.type) or _fits(other.type, one.type)):
        return None
    return Kind(
        "integer" if "integer" in (one.type, other.type) else one.type,
        one.format or other.format,
        _common(one.values, other.values),
        {name: _field(one, other, name) for name in {**one.fields, **other.fields}},
        one.required | other.required,
        False if False in (one.others, other.others) else other.others if one.others is None else one.others,
        _together(one.items, other.items),
        {**one.bounds, **other.bounds},
    )


def _common(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _field(one: Kind, other: Kind, name: str) -> Schema:
    found = _together(one.fields.get(name), other.fields.get(name))
    assert found is not None
    return found


def _together(one: Schema | None, other: Schema | None) -> Schema | None:
    if one is None or other is None:
        return other if one is None else one
    return Schema({"allOf": [one.node, other.node]}, one.document)
