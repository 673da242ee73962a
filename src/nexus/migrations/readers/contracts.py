"""What modules read of each other's answers and events, from `contracts/uses.json` in their folders.

A field is no column: only its name says that it may be one of the provider's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nexus.migrations.effects.effect import Table
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.readers.reader import Reader
from nexus.stack import Stack

USES = Path("contracts") / "uses.json"


def contracts_of(stack: Stack) -> Iterator[Reader]:
    """The fields that bricks read of modules with a schema: in answers and events, and what they send.

    Raises:
        MigrationUnreadable: a file is no JSON object of the form that docs/contracts.md tells.
    """
    schemas = {each.name: each.database.schema_ for each in stack.services if each.database}
    for service in stack.services:
        file = service.folder / USES
        if not service.is_brick or not file.is_file():
            continue
        text = _text(file)
        for provider, told in _json(file, text).items():
            if provider in schemas:
                for use, field in _fields(file, str(provider), told):
                    column = field.rpartition(".")[2].removesuffix("[]")
                    if column:
                        table = Table(schemas[provider], "")
                        yield Reader(
                            service.name,
                            "contract",
                            table,
                            column,
                            file,
                            _line(text, use, field),
                            f"{use} {field}",
                        )


def _fields(file: Path, provider: str, told: Any) -> Iterator[tuple[str, str]]:
    """Each request or event with each field that it reads or sends."""
    for group in ("requests", "events"):
        for use, parts in _object(file, provider, _object(file, provider, told).get(group, {})).items():
            fields = _object(file, use, parts)
            names = dict.fromkeys((*fields.get("reads", ()), *fields.get("body", ())))
            yield from ((use, str(each)) for each in names)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MigrationUnreadable(f"{file}: cannot be read ({error}); mend it") from error


def _json(file: Path, text: str) -> Mapping[str, Any]:
    try:
        return _object(file, "the file", json.loads(text))
    except json.JSONDecodeError as error:
        raise MigrationUnreadable(f"{file}:{error.lineno}: is no JSON ({error.msg}); mend it") from error


def _object(file: Path, place: str, told: Any) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise MigrationUnreadable(f"{file}: {place}: this is no object; see docs/contracts.md")
    return told


def _line(text: str, use: str, field: str) -> int:
    """The line of a field within its request or event; of that itself where it is not written so."""
    at = max(0, text.find(json.dumps(use)))
    inside = text.find(json.dumps(field), at)
    return 1 + text.count("\n", 0, inside if inside >= 0 else at)
