"""Prisma schemas: which database schema their models live in, and where their migrations are."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nexus.composefile import ComposeService, Place

_DATASOURCE = re.compile(r"^\s*datasource\s+\w+\s*\{(.*?)^\s*\}", re.DOTALL | re.MULTILINE)
_PROVIDER = re.compile(r'^\s*provider\s*=\s*"([^"]+)"', re.MULTILINE)
_VARIABLE = re.compile(r'^\s*url\s*=\s*env\("([^"]+)"\)', re.MULTILINE)
_SCHEMAS = re.compile(r"^\s*schemas\s*=\s*\[([^\]]*)\]", re.MULTILINE)
_MODEL_SCHEMA = re.compile(r'^\s*@@schema\("([^"]+)"\)', re.MULTILINE)
_FOLDERS = (".", "prisma", "src/prisma", "db", "database", "prisma/schema")
_MOST_BYTES = 2_000_000


@dataclass(frozen=True)
class PrismaSchema:
    """A Prisma schema. `schemas` are those its models name, most used first; `variable` holds its URL."""

    at: Place
    provider: str
    variable: str
    schemas: tuple[str, ...]
    migrations: Path


def find_prisma(service: ComposeService) -> PrismaSchema | None:
    """Return the Prisma schema of a service: in its build's folder, else in a folder mounted into it."""
    for folder in _source_folders(service):
        for inner in _FOLDERS:
            found = _read(folder / inner)
            if found is not None:
                return found
    return None


def _source_folders(service: ComposeService) -> Iterator[Path]:
    if service.build is not None and "://" not in service.build.context:
        context = Path(service.build.context)
        dockerfile = (context / service.build.dockerfile).parent
        yield dockerfile
        if dockerfile != context:
            yield context
    for mount in service.volumes:
        if mount.type == "bind" and os.path.isdir(Path(mount.source)):
            yield Path(mount.source)


def _read(folder: Path) -> PrismaSchema | None:
    files = sorted(folder.glob("*.prisma")) if os.path.isdir(folder) else []
    texts = [(file, text) for file in files if (text := _text(file)) is not None]
    for file, text in texts:
        source = _DATASOURCE.search(text)
        if source is None:
            continue
        everything = "\n".join(each for _, each in texts)
        used = _MODEL_SCHEMA.findall(everything)
        listed = re.findall(r'"([^"]+)"', match[1]) if (match := _SCHEMAS.search(source[1])) else []
        ordered = sorted(dict.fromkeys([*used, *listed]), key=lambda name: -used.count(name))
        provider, variable = _PROVIDER.search(source[1]), _VARIABLE.search(source[1])
        root = folder.parent if folder.name == "schema" else folder
        return PrismaSchema(
            at=Place(file, text.count("\n", 0, source.start(1)) + 1),
            provider=provider[1] if provider else "",
            variable=variable[1] if variable else "DATABASE_URL",
            schemas=tuple(ordered),
            migrations=root / "migrations",
        )
    return None


def _text(file: Path) -> str | None:
    """Return a file's text; None when it is no text that could be a schema."""
    try:
        return file.read_text(encoding="utf-8") if file.stat().st_size <= _MOST_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None
