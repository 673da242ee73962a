"""Prisma schemas: the datasource, models and their columns, with lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^\s*(datasource|generator|model|view|enum|type)\s+(\w+)\s*\{")
_SETTING = re.compile(r"^\s*(\w+)\s*=\s*(.+?)\s*$")
_FIELD = re.compile(r"^\s*(\w+)\s+(\w+(?:\(\"[^\"]*\"\))?)(\[\])?(\?)?(.*)$")


@dataclass(frozen=True)
class Column:
    """One scalar or enum field: its name in the table, its type as the database sees it, and its line."""

    name: str
    type: str
    native: str
    required: bool
    has_default: bool
    line: int


@dataclass(frozen=True)
class Model:
    """One model: the table it maps to and its columns."""

    name: str
    table: str
    schema: str
    columns: tuple[Column, ...]
    file: Path
    line: int


@dataclass(frozen=True)
class PrismaSchema:
    """One schema: a file, or the files of one folder read as one."""

    file: Path
    provider: str
    provider_line: int
    url: str
    schemas: tuple[str, ...]
    schemas_line: int
    models: tuple[Model, ...]

    @property
    def folder(self) -> Path:
        return self.file.parent


def read_prisma(files: Iterable[tuple[Path, str]]) -> PrismaSchema | None:
    """Read the files of one schema together; None when they declare no datasource."""
    blocks = [(path, *block) for path, text in files for block in _blocks(text)]
    source = next((each for each in blocks if each[1] == "datasource"), None)
    if source is None:
        return None
    settings = {m.group(1): (m.group(2), n) for n, text in source[4] if (m := _SETTING.match(text))}
    provider, provider_line = settings.get("provider", ("", source[3]))
    schemas, schemas_line = settings.get("schemas", ("", source[3]))
    known = {each[2] for each in blocks if each[1] in {"model", "view"}}
    enums = {each[2] for each in blocks if each[1] == "enum"}
    return PrismaSchema(
        file=source[0],
        provider=provider.strip('"'),
        provider_line=provider_line,
        url=settings.get("url", ("", 0))[0],
        schemas=tuple(re.findall(r'"([^"]+)"', schemas)),
        schemas_line=schemas_line,
        models=tuple(
            _model(path, name, line, body, known, enums)
            for path, kind, name, line, body in blocks
            if kind == "model"
        ),
    )


def _blocks(text: str) -> Iterable[tuple[str, str, int, list[tuple[int, str]]]]:
    current: tuple[str, str, int, list[tuple[int, str]]] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)//.*$", "", raw)
        if current is None:
            if match := _BLOCK.match(line):
                current = (match.group(1), match.group(2), number, [])
        elif line.strip() == "}":
            yield current
            current = None
        elif line.strip():
            current[3].append((number, line))


def _model(
    path: Path, name: str, line: int, body: list[tuple[int, str]], models: set[str], enums: set[str]
) -> Model:
    table, schema, columns = name, "", []
    for number, text in body:
        if match := re.search(r'@@map\(\s*(?:name:\s*)?"([^"]+)"', text):
            table = match.group(1)
        elif match := re.search(r'@@schema\(\s*"([^"]+)"', text):
            schema = match.group(1)
        elif not text.strip().startswith("@@") and (found := _FIELD.match(text)):
            field, kind, many, optional, rest = found.groups()
            if kind in models:
                continue
            mapped = re.search(r'(?<!@)@map\(\s*(?:name:\s*)?"([^"]+)"', rest)
            native = re.search(r"@db\.(\w+(?:\([^)]*\))?)", rest)
            columns.append(
                Column(
                    mapped.group(1) if mapped else field,
                    ("enum " if kind in enums else "") + kind + (many or ""),
                    native.group(1) if native else "",
                    optional is None,
                    "@default" in rest or "@updatedAt" in rest or bool(many),
                    number,
                )
            )
    return Model(name, table, schema, tuple(columns), path, line)
