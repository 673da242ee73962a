"""What a brick provides: its OpenAPI document and the schemas of its events, files of its folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from nexus.releases.contracts.schema import Schema
from nexus.stack.reading import read_yaml

FOLDER = "contracts"
OPENAPI = "openapi.json"
EVENTS = "events.json"
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


class ContractError(ValueError):
    """A file of a contract cannot be used; says which, where and how to mend it."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of an OpenAPI document, `shared` what all methods of its path have in common."""

    node: Mapping[str, Any]
    shared: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def answers(self) -> frozenset[str]:
        """The status codes that mean success."""
        return frozenset(code for code in self.node.get("responses", {}) if code[:1] == "2")

    @property
    def answer(self) -> Schema | None:
        """What success holds as JSON; None when it holds none."""
        contents = [self._json(self.node["responses"][code]) for code in sorted(self.answers)]
        found = [each.node for each in contents if each is not None]
        return Schema({"anyOf": found}, self.document) if found else None

    @property
    def body(self) -> Schema | None:
        """The JSON it takes; None when it takes none."""
        return self._json(self.node.get("requestBody", {}))

    @property
    def needs_body(self) -> bool:
        """Whether it must be sent."""
        return self._resolved(self.node.get("requestBody", {})).get("required") is True

    def parameters(self, place: str) -> dict[str, tuple[Schema, bool]]:
        """Parameters in `query`, `header` or `path`, in their order: name → schema, and is it required?"""
        found = {}
        for each in (*self.shared.get("parameters", ()), *self.node.get("parameters", ())):
            said = self._resolved(each)
            if said.get("in") == place:
                schema = Schema(said.get("schema", {}), self.document)
                found[str(said.get("name"))] = (schema, said.get("required") is True)
        return found

    def _json(self, holder: Any) -> Schema | None:
        for media, content in self._resolved(holder).get("content", {}).items():
            if "json" in media:
                return Schema(content.get("schema", {}), self.document)
        return None

    def _resolved(self, node: Any) -> Mapping[str, Any]:
        for _ in range(8):
            if not (isinstance(node, Mapping) and "$ref" in node):
                break
            target: Any = self.document
            for part in str(node["$ref"]).removeprefix("#/").split("/"):
                target = target.get(part, {}) if isinstance(target, Mapping) else {}
            node = target
        return node if isinstance(node, Mapping) else {}


@dataclass(frozen=True)
class Provided:
    """What `service` provides; None for what it says nothing of."""

    service: str
    openapi: Mapping[str, Any] | None = None
    events: Mapping[str, Any] | None = None
    _operations: dict[str, Operation] = field(default_factory=dict, compare=False, repr=False)

    def operation(self, title: str) -> Operation | None:
        """The operation `GET /api/x/{id}`; the names of parameters in the path do not matter."""
        if not self._operations:
            self._operations.update((_plain(name), each) for name, each in self.operations())
        return self._operations.get(_plain(title))

    def operations(self) -> Iterator[tuple[str, Operation]]:
        """All operations, by their titles."""
        document = self.openapi or {}
        for path, item in document.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    yield f"{method.upper()} {path}", Operation(item[method], item, document)

    def event(self, name: str) -> Schema | None:
        """The schema of the `data` of an event; None when it is not published."""
        found = (self.events or {}).get(name)
        return None if found is None else Schema(found, found if isinstance(found, Mapping) else {})


def _plain(title: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", title)


def read_provided(folder: Path) -> Provided:
    """Reads what the brick in `folder` (its own folder, or a release's copy) provides.

    Raises:
        ContractError: a file is there and cannot be used.
    """
    openapi = read_json(folder / FOLDER / OPENAPI)
    if openapi is not None and not isinstance(openapi.get("paths"), Mapping):
        raise ContractError(
            f"{folder / FOLDER / OPENAPI}: it has no `paths`; write the OpenAPI document there"
        )
    return Provided(name_of(folder), openapi, read_json(folder / FOLDER / EVENTS))


def read_json(path: Path) -> Mapping[str, Any] | None:
    """The object in a file; None when there is no file.

    Raises:
        ContractError: it is no JSON object, or cannot be read.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ContractError(f"{path}: {error}; write a JSON object there, or remove the file") from error
    if not isinstance(found, Mapping):
        raise ContractError(f"{path}: it holds no JSON object; write one, or remove the file")
    return found


def manifest_of(folder: Path) -> Mapping[str, Any]:
    """The brick's manifest as it is written.

    Raises:
        ManifestError: it is missing or no YAML.
    """
    file = folder / "module.yaml"
    return _manifest(file, file.stat().st_mtime_ns if file.is_file() else 0)


@lru_cache(maxsize=256)
def _manifest(file: Path, changed: int) -> Mapping[str, Any]:
    """A plan compares each release with many others, and reading YAML takes most of the time."""
    data: Mapping[str, Any] = read_yaml(file).data
    return data


def name_of(folder: Path) -> str:
    """The brick's name, of its manifest."""
    return str(manifest_of(folder).get("name", folder.name))
