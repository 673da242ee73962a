"""Answers made up from a provider's contracts/openapi.json, for tests of those who read them."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEEPEST = 8
FORMATS = {
    "uuid": "019ab3f1-7c54-7d10-9a52-0242ac120002",
    "date-time": "2026-11-23T21:11:56.382461Z",
    "date": "2026-11-23",
}
# The first that a pattern allows is taken; numbers travel as texts.
TEXTS = ("12.50", "12", "2026-11", "BRL", "SP", "sales.read", "a@b.example", "ab", "a" * 32)


class Examples:
    """Answers of one brick. `round` varies what a schema leaves open: which value of a list, null or not."""

    def __init__(self, folder: Path) -> None:
        self._document = json.loads((folder / "contracts/openapi.json").read_text())

    def answer(self, method: str, template: str, round: int = 0) -> tuple[int, Any]:
        """Status and JSON of a success of the operation, every field there. Raises KeyError when the contract
        has no such operation.
        """
        responses: Mapping[str, Any] = self._document["paths"][template][method.lower()]["responses"]
        code = next(each for each in sorted(responses) if each.startswith("2"))
        content = responses[code].get("content", {}).get("application/json")
        return int(code), None if content is None else self._value(content["schema"], round)

    def _value(self, schema: Mapping[str, Any], round: int, depth: int = 0) -> Any:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self._value(self._document["components"]["schemas"][name], round, depth)
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            return self._choice(choices, round, depth)
        values = schema.get("enum") or ([schema["const"]] if "const" in schema else None)
        if values:
            return values[round % len(values)]
        return self._plain(schema, round, depth)

    def _choice(self, choices: list[Any], round: int, depth: int) -> Any:
        given = [each for each in choices if each.get("type") != "null"]
        if len(given) < len(choices) and (round % 4 == 3 or depth > DEEPEST):
            return None
        return self._value(given[round % len(given)], round, depth)

    def _plain(self, schema: Mapping[str, Any], round: int, depth: int) -> Any:
        kind = schema.get("type")
        if kind == "array":
            rounds = () if depth > DEEPEST else (round, round + 1)
            return [self._value(schema.get("items", {}), each, depth + 1) for each in rounds]
        if kind == "object":
            fields = schema.get("properties", {})
            others = schema.get("additionalProperties")
            if not fields and isinstance(others, dict):
                return {"12": self._value(others, round, depth + 1)}
            return {name: self._value(each, _mixed(name, round), depth + 1) for name, each in fields.items()}
        if kind == "string":
            return FORMATS.get(schema.get("format", "")) or self._text(schema)
        return {"boolean": round % 2 == 0, "integer": 12, "number": 12.5}.get(str(kind))

    def _text(self, schema: Mapping[str, Any]) -> str:
        pattern = schema.get("pattern", "")
        return next(text for text in TEXTS if re.search(pattern, text))


def _mixed(name: str, round: int) -> int:
    """A number for each field, so that one round shows different values of different fields."""
    return zlib.crc32(f"{name}{round}".encode())
