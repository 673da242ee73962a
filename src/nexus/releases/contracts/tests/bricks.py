"""Folders of bricks with contracts, for tests."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TITLE = "GET /api/shop/things/{id}"


def brick(root: Path, name: str, manifest: str = "", **contracts: Any) -> Path:
    """A folder with a manifest and `contracts/<name>.json` for each keyword."""
    folder = root / name
    (folder / "contracts").mkdir(parents=True)
    (folder / "module.yaml").write_text(f"name: {name}\n{manifest}")
    for file, content in contracts.items():
        (folder / "contracts" / f"{file}.json").write_text(json.dumps(content))
    return folder


def document(
    answer: Any = None, title: str = TITLE, schemas: Mapping[str, Any] = {}, **operation: Any
) -> Any:
    """An OpenAPI document of one operation that answers 200 with `answer`."""
    method, path = title.split(" ")
    content = {} if answer is None else {"content": {"application/json": {"schema": answer}}}
    return {
        "openapi": "3.1.0",
        "paths": {path: {method.lower(): {"responses": {"200": content}, **operation}}},
        "components": {"schemas": schemas},
    }


def taking(body: Any, required: bool = True, **operation: Any) -> Any:
    """An OpenAPI document of one operation that takes `body`."""
    taken = {"required": required, "content": {"application/json": {"schema": body}}}
    return document({"type": "object"}, requestBody=taken, **operation)


def query(name: str, required: bool = False, **schema: Any) -> dict[str, Any]:
    return {"in": "query", "name": name, "required": required, "schema": schema or {"type": "string"}}


def thing(*required: str, **fields: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "properties": fields, "required": list(required)}
